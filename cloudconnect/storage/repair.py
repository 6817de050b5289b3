"""Repair, which only adds: damaged chunks get a new place from a whole copy, and what is whole leaves damaged packs.

Copies are looked for in this order: where the chunk lies (the damage may have been a passing error), in other packs of
the domain, whose lists may name the chunk a second time, and in the same pack on other backends. What is nowhere stays
noted; the next upload of the same content heals it, and until then the files that need it are not served.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from cloudconnect.storage import damage, life, packs
from cloudconnect.storage.backends import Backend
from cloudconnect.storage.damage import DamagedChunk, NumberedPack
from cloudconnect.storage.errors import NoDomain
from cloudconnect.storage.index import CHUNK_KEY_BYTES, Place
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.repacking import Located, Progress, Repacker, Store
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.scrub import Pace, PacedSource
from cloudconnect.storage.seal import DomainKeys, Malformed, NotAuthentic


class Repair:
    """Heals what scrub found."""

    def __init__(self, repository: Repository, store: Store, pack_bytes: int, sources: Sequence[Backend] = ()) -> None:
        self._backend = repository.backend
        self._keyring = repository.keyring
        self._repacker = Repacker(repository, store, pack_bytes)
        self._store = store
        self._sources = sources

    def run(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Heal every damaged chunk of which there is a whole copy; return how many were healed, and how many not."""
        del parameters
        saved = self._leave_damaged_packs(progress)
        before = self._store.read(damage.find_chunks)
        domains: dict[bytes, list[DamagedChunk]] = {}
        for chunk in before:
            domains.setdefault(chunk.domain, []).append(chunk)
        for domain, chunks in domains.items():
            try:
                self._heal(self._keyring.domain(domain), chunks, progress)
            except NoDomain:
                continue
        left = len(self._store.read(damage.find_chunks))
        return {"chunks_saved": saved, "chunks_healed": len(before) - left, "chunks_left": left}

    def _leave_damaged_packs(self, progress: Progress) -> int:
        """Copy what is whole out of damaged packs: their lists and trailers cannot be trusted any more."""
        saved = 0
        for each in self._packs():
            if each.state != "damaged":
                continue
            progress.check()
            try:
                keys = self._keyring.domain(each.pack.domain)
            except NoDomain:
                continue
            chunks = self._store.read(partial(life.find_in_pack, number=each.number))
            known = {chunk.key for chunk in self._store.read(damage.find_chunks)}
            located = [Located(key, each.number, place) for key, place in chunks if key not in known]
            saved += self._repacker.move(keys, located)[0]
        return saved

    def _heal(self, keys: DomainKeys, chunks: list[DamagedChunk], progress: Progress) -> None:
        left = {chunk.key: chunk for chunk in chunks}
        for source in (None, *self._sources):
            progress.check()
            self._repacker.move(keys, [_located(chunk) for chunk in left.values()], source)
            left = self._left(left)
        if left:
            duplicates = [
                Located(key, left[key].number, place) for key, place in self._duplicates(keys, left, progress)
            ]
            self._repacker.move(keys, duplicates)

    def _left(self, chunks: dict[bytes, DamagedChunk]) -> dict[bytes, DamagedChunk]:
        damaged = {chunk.key for chunk in self._store.read(damage.find_chunks)}
        return {key: chunk for key, chunk in chunks.items() if key in damaged}

    def _duplicates(
        self, keys: DomainKeys, wanted: dict[bytes, DamagedChunk], progress: Progress
    ) -> Iterator[tuple[bytes, Place]]:
        """Yield where else the lists of the index's whole packs name the chunks that are wanted."""
        found: set[bytes] = set()
        for each in self._packs():
            if each.pack.domain != keys.space or each.state != "live":
                continue
            progress.check()
            name = pack_name(keys.space, each.pack.pack_id)
            source = PacedSource(self._backend, name, each.pack.size, Pace(0, progress.check), progress.check)
            try:
                listed = packs.entries(source, keys)
            except (Malformed, NotAuthentic, OSError):
                continue
            for entry in listed:
                key = entry.content_id[:CHUNK_KEY_BYTES]
                place = Place(each.pack.pack_id, entry.offset, entry.length, entry.raw_length)
                if key in wanted and key not in found and place != wanted[key].place:
                    found.add(key)
                    yield key, place

    def _packs(self) -> Iterator[NumberedPack]:
        after = 0
        while page := self._store.read(partial(damage.find_packs, after=after, limit=100)):
            yield from page
            after = page[-1].number


def _located(chunk: DamagedChunk) -> Located:
    return Located(chunk.key, chunk.number, chunk.place)
