"""Scrub: read everything that is stored, verify it, and write down what is damaged.

Without keys a pack is verified by its trailer and its name, as a mirror could; with keys every chunk that the index
places in it is unsealed and its content id computed anew. What is damaged is noted (``damage``) and neither served nor
deduplicated against; ``repair`` heals what can be healed.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from cloudconnect.kernel.clock import monotonic
from cloudconnect.storage import damage, life, packs
from cloudconnect.storage.again import read_again
from cloudconnect.storage.backends import Source, forget
from cloudconnect.storage.damage import NumberedPack
from cloudconnect.storage.errors import BackendUnreachable, NoDomain
from cloudconnect.storage.index import Place
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.repacking import Progress, Repacker, Store
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.seal import Malformed
from cloudconnect.storage.strangers import Strangers

_PACKS_AT_ONCE: Final = 100
_PAUSE_SECONDS: Final = 0.5


class Pace:
    """Keeps work below so many bytes a second; 0 stands for no limit."""

    def __init__(self, bytes_per_second: int, check: Callable[[], None]) -> None:
        self._rate = bytes_per_second
        self._check = check
        self._began = monotonic()
        self._taken = 0
        self._pause = threading.Event()

    def take(self, count: int) -> None:
        """Wait until another *count* bytes may be read."""
        self._taken += count
        while self._rate and (ahead := self._taken / self._rate - (monotonic() - self._began)) > 0:
            self._check()
            self._pause.wait(min(ahead, _PAUSE_SECONDS))


class PacedSource:
    """One stored object, read at a pace (``packs.ByteSource``)."""

    def __init__(self, backend: Source, name: str, size: int, pace: Pace, check: Callable[[], None]) -> None:
        self.size = size
        self._backend = backend
        self._name = name
        self._pace = pace
        self._check = check

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes from *offset* on, fewer than *length* only at the end."""
        self._check()
        self._pace.take(length)
        return read_again(lambda: self._backend.read(self._name, offset, length))


class Scrub:
    """Verifies what is stored."""

    def __init__(self, repository: Repository, store: Store, pack_bytes: int, bytes_per_second: int = 0) -> None:
        self._backend = repository.backend
        self._keyring = repository.keyring
        self._repacker = Repacker(repository, store, pack_bytes)
        self._store = store
        self._rate = bytes_per_second
        self._strangers = Strangers(repository, store, threading.Lock())

    def run(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Verify every pack; with ``keys`` = ``no`` among the *parameters*, by their trailers alone.

        ``bytes_per_second`` limits how fast it reads. It goes on where an interrupted run stopped. Packs that no row
        names are counted as unknown; gc sets them aside.
        """
        strange = self._strangers.find()
        pace = Pace(int(parameters.get("bytes_per_second", self._rate)), progress.check)
        counts = _counts(progress.checkpoint)
        total = counts["bytes"] + self._store.read(partial(damage.measure_packs, after=counts["after"]))
        while found := self._store.read(partial(damage.find_packs, after=counts["after"], limit=_PACKS_AT_ONCE)):
            for each in found:
                progress.check()
                try:
                    self._scrub(each, counts, pace, progress, with_keys=parameters.get("keys", "yes") != "no")
                except BackendUnreachable:
                    counts["unreachable_packs"] += 1
                counts["after"] = each.number
                counts["packs"] += 1
                counts["bytes"] += each.pack.size
                progress.keep(json.dumps(counts))
                progress.report(counts["bytes"], total)
        del counts["after"]
        aside = [orphan.size for orphan in self._backend.orphans()]
        still_strange = [size for name, size in self._strangers.find().items() if name in strange]
        return {
            **counts,
            "unknown_packs": len(still_strange),
            "unknown_bytes": sum(still_strange),
            "orphan_packs": len(aside),
            "orphan_bytes": sum(aside),
        }

    def _scrub(
        self, each: NumberedPack, counts: dict[str, int], pace: Pace, progress: Progress, *, with_keys: bool
    ) -> None:
        name = pack_name(each.pack.domain, each.pack.pack_id)
        forget(self._backend, name)
        size = self._backend.size(name)
        is_whole = size == each.pack.size and self._is_as_written(each, name, size, pace, progress)
        if not is_whole and not self._store.read(partial(damage.has_pack, number=each.number)):
            # Gc has removed it since it was looked up.
            return
        counts["missing_packs"] += size is None
        counts["damaged_packs"] += not is_whole
        if (with_keys or not is_whole) and size is not None:
            self._scrub_chunks(each, counts, pace, progress)
        elif size is None:
            self._note(each, [key for key, _ in self._chunks(each)], counts)
        state = "live" if is_whole else "damaged"
        if state != each.state:
            self._store.write(lambda sql, _: damage.set_pack_state(sql, each.number, state))

    def _is_as_written(self, each: NumberedPack, name: str, size: int, pace: Pace, progress: Progress) -> bool:
        try:
            packs.verify(PacedSource(self._backend, name, size, pace, progress.check), each.pack.pack_id)
        except (Malformed, OSError):
            return False
        return True

    def _scrub_chunks(self, each: NumberedPack, counts: dict[str, int], pace: Pace, progress: Progress) -> None:
        try:
            keys = self._keyring.domain(each.pack.domain)
        except NoDomain:
            return
        damaged: list[bytes] = []
        whole: list[bytes] = []
        for key, place in self._chunks(each):
            progress.check()
            pace.take(place.length)
            is_whole = self._repacker.whole_record(keys, key, place) is not None
            (whole if is_whole else damaged).append(key)
        counts["chunks"] += len(whole) + len(damaged)
        self._note(each, damaged, counts)
        if self._store.read(damage.count)[1]:
            self._store.write(lambda sql, _: damage.clear_chunks(sql, whole))

    def _note(self, each: NumberedPack, keys: Sequence[bytes], counts: dict[str, int]) -> None:
        counts["damaged_chunks"] += len(keys)
        if keys:
            self._store.write(lambda sql, now_ms: damage.note_chunks(sql, each.number, keys, now_ms))

    def _chunks(self, each: NumberedPack) -> list[tuple[bytes, Place]]:
        return self._store.read(partial(life.find_in_pack, number=each.number))


def _counts(checkpoint: str) -> dict[str, int]:
    names = (
        "after",
        "packs",
        "bytes",
        "chunks",
        "unreachable_packs",
        "missing_packs",
        "damaged_packs",
        "damaged_chunks",
    )
    return dict.fromkeys(names, 0) | (json.loads(checkpoint) if checkpoint else {})
