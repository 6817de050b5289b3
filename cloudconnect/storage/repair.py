"""Repair, which only adds: damaged chunks get a new place from a whole copy, and what is whole leaves damaged packs.

Copies are looked for in this order: where the chunk lies (the damage may have been a passing error), in the same pack
on other backends, and in every other pack of the domain whose list names the chunk a second time, be it live, dead but
not removed yet, or set aside by a start. Each is believed only once it has been unsealed and its content id computed.
What is nowhere stays noted; the next upload of the same content heals it, and until then the files that need it are not
served.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain

from cloudconnect.storage import damage, life, packs
from cloudconnect.storage.copies import Copies
from cloudconnect.storage.damage import DamagedChunk, NumberedPack
from cloudconnect.storage.errors import NoDomain
from cloudconnect.storage.index import CHUNK_KEY_BYTES, Place, StoredPack
from cloudconnect.storage.packs import PackEntry, pack_id_of, pack_name
from cloudconnect.storage.repacking import Located, Progress, Repacker, Store
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.scrub import Pace, PacedSource
from cloudconnect.storage.seal import DomainKeys, Malformed, NotAuthentic

FindCopies = Callable[[], Sequence[Copies]]


class Repair:
    """Heals what scrub found; *find_copies* tells, at the start of each run, where copies of packs may be."""

    def __init__(self, repository: Repository, store: Store, pack_bytes: int, find_copies: FindCopies) -> None:
        self._keyring = repository.keyring
        self._repacker = Repacker(repository, store, pack_bytes)
        self._store = store
        self._find_copies = find_copies

    def run(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Heal every damaged chunk of which there is a whole copy; return how many were healed, and how many not."""
        del parameters
        copies = self._find_copies()
        saved = self._leave_damaged_packs(copies, progress)
        before = self._store.read(damage.find_chunks)
        domains: dict[bytes, list[DamagedChunk]] = {}
        for chunk in before:
            domains.setdefault(chunk.domain, []).append(chunk)
        for domain, chunks in domains.items():
            try:
                self._heal(self._keyring.domain(domain), chunks, copies, progress)
            except NoDomain:
                continue
        left = len(self._store.read(damage.find_chunks))
        return {"chunks_saved": saved, "chunks_healed": len(before) - left, "chunks_left": left}

    def _leave_damaged_packs(self, copies: Sequence[Copies], progress: Progress) -> int:
        """Copy what is whole out of damaged packs: their lists and trailers cannot be trusted any more."""
        saved = 0
        known = {chunk.key for chunk in self._store.read(damage.find_chunks)}
        for each in self._packs():
            if each.state != "damaged":
                continue
            progress.check()
            try:
                keys = self._keyring.domain(each.pack.domain)
            except NoDomain:
                continue
            chunks = self._store.read(partial(life.find_in_pack, number=each.number))
            located = [Located(key, each.number, place) for key, place in chunks if key not in known]
            saved += self._repacker.move(keys, located, copies)[0]
        return saved

    def _heal(self, keys: DomainKeys, chunks: list[DamagedChunk], copies: Sequence[Copies], progress: Progress) -> None:
        self._repacker.move(keys, [_located(chunk) for chunk in chunks], copies)
        damaged = {chunk.key for chunk in self._store.read(damage.find_chunks)}
        left = {chunk.key: chunk for chunk in chunks if chunk.key in damaged}
        if left:
            self._repacker.move(keys, self._duplicates(keys, left, copies, progress), copies)

    def _duplicates(
        self, keys: DomainKeys, wanted: dict[bytes, DamagedChunk], copies: Sequence[Copies], progress: Progress
    ) -> Iterator[Located]:
        """Yield where else chunks that are *wanted* lie, whole, each once."""
        for pack in self._candidates(keys.space, copies):
            if not wanted:
                return
            progress.check()
            for entry in self._list(pack, keys, copies, progress):
                key = entry.content_id[:CHUNK_KEY_BYTES]
                place = Place(pack.pack_id, entry.offset, entry.length, entry.raw_length)
                if key not in wanted or place == wanted[key].place:
                    continue
                if self._repacker.whole_record(keys, key, place, copies) is not None:
                    yield Located(key, wanted.pop(key).number, place)

    def _candidates(self, domain: bytes, copies: Sequence[Copies]) -> Iterator[StoredPack]:
        known = (each.pack for each in self._packs())
        dead = self._store.read(life.find_dead_packs)
        aside = (
            StoredPack(found[1], found[0], orphan.size)
            for copy in copies
            for orphan in copy.orphans()
            if (found := pack_id_of(orphan.name)) is not None
        )
        yield from (pack for pack in chain(known, dead, aside) if pack.domain == domain)

    def _list(
        self, pack: StoredPack, keys: DomainKeys, copies: Sequence[Copies], progress: Progress
    ) -> list[PackEntry]:
        """Return what the first copy lists that is whole; nothing without one."""
        name = pack_name(pack.domain, pack.pack_id)
        pace = Pace(0, progress.check)
        for each in copies:
            with contextlib.suppress(Malformed, NotAuthentic, OSError):
                return packs.entries(PacedSource(each, name, pack.size, pace, progress.check), keys)
        return []

    def _packs(self) -> Iterator[NumberedPack]:
        after = 0
        while page := self._store.read(partial(damage.find_packs, after=after, limit=100)):
            yield from page
            after = page[-1].number


def _located(chunk: DamagedChunk) -> Located:
    return Located(chunk.key, chunk.number, chunk.place)
