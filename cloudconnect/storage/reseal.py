"""Reseal: seal what older keys of a space sealed with its newest, after one of them may have become known.

Names and places of content stay what they are, so no version changes. Packs that nothing lies in any more go with the
next run of gc; until then, and in backups from before, the old keys still open what they sealed.
"""

import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudconnect.storage import damage, life, packs
from cloudconnect.storage.damage import NumberedPack
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.repacking import Located, Progress, Repacker, Store
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.scrub import Pace, PacedSource
from cloudconnect.storage.seal import DomainKeys, Malformed, NotAuthentic

_PACKS_AT_ONCE: Final = 100
_LOOK_SECONDS: Final = 0.2
_SETTLING_LOOKS: Final = 50


class Reseal:
    """Seals the content of spaces with their newest keys; reads at most *bytes_per_second*, 0 for no limit."""

    def __init__(self, repository: Repository, store: Store, pack_bytes: int, bytes_per_second: int = 0) -> None:
        self._repository = repository
        self._repacker = Repacker(repository, store, pack_bytes)
        self._store = store
        self._rate = bytes_per_second

    def run(self, space: bytes, progress: Progress) -> dict[str, int]:
        """Seal every chunk of *space* with its newest key; return how many were and how many are damaged.

        It goes on where an interrupted run stopped.

        Raises:
            NoDomain: the space has no keys.
        """
        keys = self._repository.keyring.domain(space)
        counts = dict.fromkeys(("after", "bytes", "chunks", "damaged_chunks"), 0)
        counts |= json.loads(progress.checkpoint or "{}")
        pace = Pace(self._rate, progress.check)
        self._pass(keys, counts, pace, progress)
        # What began before the rotation may still bring content of an older key.
        self._wait_for_older(keys, progress)
        self._pass(keys, counts, pace, progress)
        return {name: counts[name] for name in ("chunks", "damaged_chunks")}

    def _pass(self, keys: DomainKeys, counts: dict[str, int], pace: Pace, progress: Progress) -> None:
        total = counts["bytes"] + self._store.read(partial(damage.measure_packs, after=counts["after"]))
        for each in self._packs(counts["after"]):
            progress.check()
            if each.pack.domain == keys.space and self._is_older(keys, each, pace, progress):
                moved, damaged = self._repacker.move(keys, self._chunks(each, pace, progress), reseal=True)
                counts["chunks"] += moved
                counts["damaged_chunks"] += damaged
            counts["after"] = each.number
            counts["bytes"] += each.pack.size
            progress.keep(json.dumps(counts))
            progress.report(counts["bytes"], total)

    def _wait_for_older(self, keys: DomainKeys, progress: Progress) -> None:
        writer, pause = self._repository.writer, threading.Event()
        while (oldest := writer.oldest_epoch(keys.space)) is not None and oldest < keys.epoch:
            progress.report(0, 0, "waiting for uploads")
            progress.check()
            pause.wait(_LOOK_SECONDS)
        for _ in range(_SETTLING_LOOKS):
            if not writer.has_unsettled(keys.space):
                return
            progress.check()
            pause.wait(_LOOK_SECONDS)

    def _packs(self, after: int) -> Iterator[NumberedPack]:
        # Those that this run writes come last, and are of the newest epoch.
        while found := self._store.read(partial(damage.find_packs, after=after, limit=_PACKS_AT_ONCE)):
            yield from found
            after = found[-1].number

    def _is_older(self, keys: DomainKeys, each: NumberedPack, pace: Pace, progress: Progress) -> bool:
        name = pack_name(each.pack.domain, each.pack.pack_id)
        source = PacedSource(self._repository.backend, name, each.pack.size, pace, progress.check)
        try:
            return packs.epoch_of(source, keys) < keys.epoch
        except (OSError, Malformed, NotAuthentic):
            # Whatever is whole in it is resealed; each record is proven by itself.
            return True

    def _chunks(self, each: NumberedPack, pace: Pace, progress: Progress) -> Iterator[Located]:
        for key, place in self._store.read(partial(life.find_in_pack, number=each.number)):
            progress.check()
            pace.take(place.length)
            yield Located(key, each.number, place)
