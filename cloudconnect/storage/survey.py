"""What garbage collection would do, counted without changing anything."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from cloudconnect.storage import life
from cloudconnect.storage.index import Sql
from cloudconnect.storage.life import LyingChunk, PackUse
from cloudconnect.storage.repacking import Progress, Store

_BATCH: Final = 512

Choose = Callable[[list[PackUse]], list[PackUse]]
Unheld = Callable[[Sequence[bytes], Sql], list[bytes]]


@dataclass(slots=True)
class _Found:
    """Garbage: how much there is, how much of it may go now, and how it is spread over packs."""

    chunks: int = 0
    size: int = 0
    removable: int = 0
    removable_bytes: int = 0
    packs: Counter[int] = field(default_factory=Counter)
    bytes_in: Counter[int] = field(default_factory=Counter)

    def add(self, chunk: LyingChunk, *, is_removable: bool) -> None:
        self.chunks += 1
        self.size += chunk.length
        self.removable += is_removable
        self.removable_bytes += chunk.length if is_removable else 0
        self.packs[chunk.number] += 1
        self.bytes_in[chunk.number] += chunk.length


class Survey:
    """Counts garbage in the index: *unheld* tells which keys nobody holds, *choose* which packs are repacked."""

    def __init__(self, store: Store, unheld: Unheld, choose: Choose) -> None:
        self._store = store
        self._unheld = unheld
        self._choose = choose

    def run(self, wanted: set[bytes], before_ms: int, progress: Progress) -> dict[str, int | str]:
        """Return what is garbage: chunks that are not *wanted*, condemned since *before_ms* or not.

        The figures of packs are those for the moment when all of it is gone.
        """
        unheld = set(self._unheld_contents(progress))
        found = _Found()
        after = b""
        while batch := self._store.read(partial(life.find_lying, after=after, limit=_BATCH)):
            progress.check()
            for chunk in self._store.read(partial(self._garbage, batch, unheld)):
                if chunk.key not in wanted:
                    since = chunk.condemned_ms
                    found.add(chunk, is_removable=since is not None and since <= before_ms)
            after = batch[-1].key
        left = [_without(use, found) for use in self._store.read(life.find_pack_uses)]
        empty = [use.pack.size for use in left if not use.chunks]
        chosen = self._choose([use for use in left if use.chunks])
        return {
            "contents_unheld": len(unheld),
            "chunks_garbage": found.chunks,
            "garbage_bytes": found.size,
            "chunks_removable": found.removable,
            "removable_bytes": found.removable_bytes,
            "packs_to_remove": len(empty),
            "packs_bytes": sum(empty),
            "packs_to_repack": len(chosen),
            "repack_bytes": sum(use.used_bytes for use in chosen),
        }

    def _unheld_contents(self, progress: Progress) -> Iterator[bytes]:
        after = b""
        while keys := self._store.read(partial(life.find_listed, after=after, limit=_BATCH)):
            progress.check()
            yield from self._store.read(partial(self._unheld, keys))
            after = keys[-1]

    def _garbage(self, batch: Sequence[LyingChunk], unheld: set[bytes], sql: Sql) -> list[LyingChunk]:
        keys = [chunk.key for chunk in batch]
        pieces = {chunk for chunk, content in life.find_users(sql, keys) if content not in unheld}
        garbage = set(self._unheld([key for key in keys if key not in pieces], sql))
        return [chunk for chunk in batch if chunk.key in garbage]


def _without(use: PackUse, found: _Found) -> PackUse:
    return use._replace(
        chunks=use.chunks - found.packs[use.number], used_bytes=use.used_bytes - found.bytes_in[use.number]
    )
