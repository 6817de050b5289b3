"""Garbage collection: what nothing needs any more is condemned, left alone for a while, and then removed.

The protocol is that of SECURITY.md, section 5.3, and is modelled exhaustively in tests/storage/test_gc_model.py. No
count is kept that could drift: whether a chunk is needed is asked anew, in the transaction that acts on the answer. An
upload may count on a condemned chunk; once its version is there the chunk is needed again, and removal finds that out.

A chunk is needed while some holder names the content it is, or a content it is a piece of. It is removed when it has
been condemned for the time of grace and every download that was open then has ended. A pack goes when no chunk lies in
it; sparse and small packs are first copied together, record by record, each proven whole before its place changes.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final, Protocol, TypeVar

from cloudconnect.storage import index, life
from cloudconnect.storage.errors import BackendUnreachable, ContentDamaged, NoDomain
from cloudconnect.storage.index import Sql, StoredPack
from cloudconnect.storage.life import PackUse
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.repacking import Located, Progress, Repacker, Store
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.strangers import Strangers
from cloudconnect.storage.survey import Survey

Result = TypeVar("Result")

_BATCH: Final = 512
_TREES: Final = 64
_SMALL_PACKS: Final = 16


class Holder(Protocol):
    """Something outside the engine that needs contents."""

    def find_held(self, sql: Sql, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the content *keys* that it needs."""
        ...

    def find_unlisted(self, sql: Sql, after: bytes, limit: int) -> Sequence[tuple[bytes, bytes, bytes]]:
        """Return key, space and manifest of up to *limit* contents behind *after* whose pieces are not listed."""
        ...


@dataclass(frozen=True, slots=True)
class GcOptions:
    """When what may go.

    A pack of which less than ``sparse_share`` is needed is written anew. So are the sparsest of the others while more
    than ``dead_share`` of all that a domain has stored is dead, unless hardly anything in them is: each byte that is
    won back costs ``1 / dead_share`` copied ones at most.
    """

    grace_seconds: float = 3600.0
    sparse_share: float = 0.7
    dead_share: float = 0.03
    pack_bytes: int = 32 << 20


class Gc:
    """Collects garbage. One run at a time; uploads, downloads and everything else go on meanwhile."""

    def __init__(
        self, repository: Repository, store: Store, holders: Sequence[Holder], options: GcOptions | None = None
    ) -> None:
        self._options = options or GcOptions()
        self._backend = repository.backend
        self._repacker = Repacker(repository, store, self._options.pack_bytes)
        self._keyring = repository.keyring
        self._writer = repository.writer
        self._reader = repository.reader
        self._unread: dict[bytes, int] = {}
        self._store = store
        self._holders = holders
        self._removing = threading.Lock()
        self._strangers = Strangers(repository, store, self._removing)

    def hold(self) -> AbstractContextManager[object]:
        """Return what keeps every pack from being removed while it is entered."""
        return self._removing

    def run(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Collect what is garbage now; ``grace_seconds`` among the *parameters* shortens the time of grace.

        What was condemned by an earlier run goes; what is found now goes with a later one. It may be interrupted at any
        moment: every step is whole by itself. With ``dry_run`` = ``yes`` it counts what would go and changes nothing.
        """
        grace = float(parameters.get("grace_seconds", self._options.grace_seconds))
        if parameters.get("dry_run") == "yes":
            return self._survey(int(grace * 1000), progress)
        listed, self._unread = list_pieces(self._store, self._reader, self._holders, progress.check)
        forgotten = self._forget_contents(progress)
        condemned = self._condemn(progress)
        removed, removed_bytes = self._remove(int(grace * 1000), progress)
        moved, damaged = self._repack(progress)
        packs, freed = self._remove_packs(progress)
        strangers, strange_bytes = self._strangers.set_aside(self._options.grace_seconds, progress)
        return {
            "contents_listed": listed,
            "contents_unread": sum(self._unread.values()),
            "contents_forgotten": forgotten,
            "chunks_condemned": condemned,
            "chunks_removed": removed,
            "removed_bytes": removed_bytes,
            "chunks_moved": moved,
            "chunks_damaged": damaged,
            "packs_removed": packs,
            "freed_bytes": freed,
            "packs_set_aside": strangers,
            "set_aside_bytes": strange_bytes,
        }

    def _survey(self, grace_ms: int, progress: Progress) -> dict[str, int | str]:
        wanted = self._writer.keys_in_use()
        for holder in self._holders:
            for _, space, manifest in self._unlisted(holder):
                progress.check()
                wanted = wanted.union(self._reader.chunk_keys(space, manifest))
        now_ms = self._store.write(lambda _, now_ms: now_ms)
        return Survey(self._store, self._unheld, self._choose).run(wanted, self._before_ms(now_ms, grace_ms), progress)

    def _choose(self, uses: list[PackUse]) -> list[PackUse]:
        in_use = self._writer.packs_in_use()
        idle = [use for use in uses if use.pack.pack_id not in in_use]
        return [use for _, chosen in _worth_repacking(idle, self._options) for use in chosen]

    def _unlisted(self, holder: Holder) -> Iterator[tuple[bytes, bytes, bytes]]:
        after = b""
        while trees := self._store.read(partial(holder.find_unlisted, after=after, limit=_TREES)):
            yield from trees
            after = trees[-1][0]

    # What is needed

    def _held(self, sql: Sql, keys: Sequence[bytes]) -> set[bytes]:
        held: set[bytes] = set()
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            for holder in self._holders:
                held |= holder.find_held(sql, batch)
        return held

    def _forget_contents(self, progress: Progress) -> int:
        """Remove the lists of contents that nobody holds."""
        forgotten = 0
        after = b""
        while keys := self._store.read(partial(life.find_listed, after=after, limit=_BATCH)):
            progress.check()
            if unheld := self._store.read(partial(self._unheld, keys)):
                forgotten += self._store.write(partial(self._forget_batch, unheld))
            after = keys[-1]
        return forgotten

    def _forget_batch(self, keys: Sequence[bytes], sql: Sql, now_ms: int) -> int:
        del now_ms
        return life.forget_pieces(sql, self._unheld(keys, sql))

    def _unheld(self, keys: Sequence[bytes], sql: Sql) -> list[bytes]:
        held = self._held(sql, keys)
        return [key for key in keys if key not in held]

    # Chunks

    def _condemn(self, progress: Progress) -> int:
        condemned = done = 0
        after = b""
        while keys := self._store.read(partial(life.find_chunks, after=after, limit=_BATCH)):
            progress.check()
            if idle := self._store.read(partial(self._unneeded, keys)):
                condemned += self._store.write(partial(self._condemn_batch, idle))
            after = keys[-1]
            done += len(keys)
            progress.report(done, 0, "looking for garbage")
        return condemned

    def _condemn_batch(self, keys: Sequence[bytes], sql: Sql, now_ms: int) -> int:
        return life.condemn(sql, self._unneeded(keys, sql), now_ms)

    def _unneeded(self, keys: Sequence[bytes], sql: Sql) -> list[bytes]:
        """Return those of *keys* that are no pieces and that nobody holds or counts on."""
        idle = life.find_pieceless(sql, keys)
        if not idle:
            return []
        wanted = self._held(sql, idle) | self._writer.keys_in_use()
        if self._unread:
            wanted |= life.find_in_domains(sql, idle, self._unread)
        return [key for key in idle if key not in wanted]

    def _remove(self, grace_ms: int, progress: Progress) -> tuple[int, int]:
        removed = removed_bytes = 0
        after = b""
        while batch := self._store.write(partial(self._remove_batch, grace_ms, after)):
            progress.check()
            count, size, after = batch
            removed += count
            removed_bytes += size
            progress.report(removed, 0, "removing chunks")
        return removed, removed_bytes

    def _remove_batch(self, grace_ms: int, after: bytes, sql: Sql, now_ms: int) -> tuple[int, int, bytes] | None:
        keys = life.find_condemned(sql, self._before_ms(now_ms, grace_ms), after, _BATCH)
        if not keys:
            return None
        count, size = life.remove_chunks(sql, self._unneeded(keys, sql))
        life.pardon(sql, keys)
        return count, size, keys[-1]

    def _before_ms(self, now_ms: int, grace_ms: int) -> int:
        """Return since when a chunk must have been condemned to go: before every download that is open now."""
        oldest_ms = self._reader.oldest_open_ms()
        return now_ms - grace_ms if oldest_ms is None else min(now_ms - grace_ms, oldest_ms - 1)

    # Packs

    def _repack(self, progress: Progress) -> tuple[int, int]:
        moved = damaged = 0
        chosen = self._choose(self._store.read(life.find_pack_uses))
        for domain, packs in groupby(chosen, lambda use: use.pack.domain):
            try:
                keys = self._keyring.domain(domain)
            except NoDomain:
                continue
            # What is damaged stays where it is: scrub tells of it, and what heals it gives it another place.
            counts = self._repacker.move(keys, self._chunks(list(packs), progress))
            moved += counts[0]
            damaged += counts[1]
        return moved, damaged

    def _chunks(self, packs: list[PackUse], progress: Progress) -> Iterator[Located]:
        for number, use in enumerate(packs):
            progress.check()
            progress.report(number, len(packs), "repacking")
            for key, place in self._store.read(partial(life.find_in_pack, number=use.number)):
                yield Located(key, use.number, place)

    def _remove_packs(self, progress: Progress) -> tuple[int, int]:
        in_use = self._writer.packs_in_use()
        self._store.write(lambda sql, _: life.end_empty_packs(sql, in_use | self._writer.packs_in_use()))
        if not self._removing.acquire(blocking=False):
            # Somebody copies packs; what is dead goes with the next run.
            return 0, 0
        packs = freed = 0
        try:
            for pack in self._store.read(life.find_dead_packs):
                progress.check()
                if self._remove_pack(pack):
                    packs += 1
                    freed += pack.size
        finally:
            self._removing.release()
        return packs, freed

    def _remove_pack(self, pack: StoredPack) -> bool:
        name = pack_name(pack.domain, pack.pack_id)
        try:
            if self._backend.size(name) is None:
                return False
            self._backend.delete(name)
        except BackendUnreachable:
            # It goes with a later run.
            return False
        return True


def list_pieces(
    store: Store, reader: Reader, holders: Sequence[Holder], check: Callable[[], None] = lambda: None
) -> tuple[int, dict[bytes, int]]:
    """Write down the pieces of contents whose pieces the index does not list.

    They came in before it listed any, or it was made anew. Return how many were listed, and how many could not be read,
    by domain: they may be healed, so until they are nothing of their domain may be judged. What was sealed with keys
    that are destroyed never comes back and counts as neither. *check* is called before each.
    """
    listed = 0
    unread: dict[bytes, int] = {}
    for holder in holders:
        after = b""
        while trees := store.read(partial(holder.find_unlisted, after=after, limit=_TREES)):
            for key, space, manifest in trees:
                check()
                try:
                    pieces = reader.chunk_keys(space, manifest)
                except ContentDamaged:
                    unread[space] = unread.get(space, 0) + 1
                except NoDomain:
                    continue
                else:
                    store.write(partial(_add_pieces, key, pieces))
                    listed += 1
            after = trees[-1][0]
    return listed, unread


def _add_pieces(content: bytes, pieces: Sequence[bytes], sql: Sql, now_ms: int) -> None:
    del now_ms
    index.add_pieces(sql, content, pieces)


def _sparse(packs: list[PackUse], options: GcOptions) -> list[PackUse]:
    """Return the sparsest of *packs*, as many as ``GcOptions`` says."""
    dead = sum(use.dead_bytes for use in packs)
    bearable = options.dead_share * sum(use.pack.size for use in packs)
    chosen = []
    for use in sorted(packs, key=lambda use: use.used_bytes / use.pack.size):
        is_sparse = use.used_bytes < options.sparse_share * use.pack.size
        if not is_sparse and (dead <= bearable or use.dead_bytes < options.dead_share * use.pack.size):
            continue
        chosen.append(use)
        dead -= use.dead_bytes
    return chosen


def _worth_repacking(uses: list[PackUse], options: GcOptions) -> Iterator[tuple[bytes, list[PackUse]]]:
    """Yield, domain by domain, the packs that are mostly dead, and small ones where many would become few."""
    domains: dict[bytes, list[PackUse]] = {}
    for use in uses:
        domains.setdefault(use.pack.domain, []).append(use)
    for domain, packs in domains.items():
        sparse = _sparse([use for use in packs if use.chunks], options)
        small = [use for use in packs if use.chunks and use.pack.size < options.pack_bytes // 4 and use not in sparse]
        chosen = sparse + (small if len(small) >= _SMALL_PACKS else [])
        if chosen:
            yield domain, sorted(chosen, key=lambda use: use.number)
