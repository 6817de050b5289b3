"""Many small contents on their way out together: few reads, in the order in which packs hold them."""

from collections.abc import Iterator, Sequence
from typing import Final

from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.errors import ContentDamaged
from cloudconnect.storage.index import CHUNK_KEY_BYTES, Place
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.reader import Outcome, Reader, damaged
from cloudconnect.storage.seal import Malformed

_PORTION_BYTES: Final = 1 << 20


class Gathering:
    """Many small contents being read together, in the order in which they lie: :meth:`next` until it is empty."""

    def __init__(self, reader: Reader, space: bytes, contents: Sequence[bytes]) -> None:
        """Begin to read *contents*, given by manifest, each of them small enough to be held in memory.

        Raises:
            NoDomain: there are no keys for the space.
        """
        self.opened_ms = reader.now_ms()
        self._reader = reader
        self._keys = reader.begin(space, self)
        self._portions = self._read(contents)

    def next(self) -> list[tuple[int, Outcome]]:
        """Return about 1 MiB of the contents, each with its place among the manifests, or nothing at the end.

        What is damaged is told in place of its bytes and keeps no other from being read.
        """
        return next(self._portions, [])

    def _read(self, contents: Sequence[bytes]) -> Iterator[list[tuple[int, Outcome]]]:
        """Yield the outcomes: of single chunks by packs, then of the few contents that are not just one."""
        wanted: dict[Entry, list[int]] = {}
        odd: list[int] = []
        for number, content in enumerate(contents):
            entry = _only_chunk(content)
            if entry is None:
                odd.append(number)
            else:
                wanted.setdefault(entry, []).append(number)
        places = self._reader.locate([entry.content_id[:CHUNK_KEY_BYTES] for entry in wanted])
        found = {entry: place for entry in wanted if (place := places.get(entry.content_id[:CHUNK_KEY_BYTES]))}
        lost = [number for entry in wanted.keys() - found.keys() for number in wanted[entry]]
        if lost:
            yield [(number, damaged()) for number in lost]
        for portion in _portions(found):
            raws = self._reader.open_each(self._keys, {entry.content_id: place for entry, place in portion})
            yield [
                (number, _of_size(raws[entry.content_id], entry.size))
                for entry, _ in portion
                for number in wanted[entry]
            ]
        for number in odd:
            yield [(number, self._read_one(contents[number]))]

    def _read_one(self, content: bytes) -> Outcome:
        try:
            return b"".join(self._reader.read(self._keys.space, content))
        except ContentDamaged as refusal:
            return refusal


def _only_chunk(content: bytes) -> Entry | None:
    """Return the one chunk that the manifest *content* names, or None if it is anything else."""
    try:
        return manifests.only_chunk(content)
    except Malformed:
        return None


def _of_size(outcome: Outcome, size: int) -> Outcome:
    return damaged() if isinstance(outcome, bytes) and len(outcome) != size else outcome


def _portions(places: dict[Entry, Place]) -> Iterator[list[tuple[Entry, Place]]]:
    """Group chunks in the order in which they lie, up to what is held in memory at once."""
    portion: list[tuple[Entry, Place]] = []
    size = 0
    for entry, place in sorted(places.items(), key=lambda item: item[1][:2]):
        portion.append((entry, place))
        size += max(entry.size, place.length)
        if size >= _PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
