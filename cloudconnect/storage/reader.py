"""The way out: which chunks hold a range, one read for those that lie side by side, and nothing that is not proven."""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from cloudconnect.kernel.clock import Clock, SystemClock, to_ms
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.again import read_again
from cloudconnect.storage.backends import Backend, Peeking
from cloudconnect.storage.errors import ContentDamaged
from cloudconnect.storage.index import CHUNK_KEY_BYTES, Place
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.manifest import Entry, Piece
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.seal import Codec, DomainKeys, Malformed, NotAuthentic, Sealer

_WINDOW_BYTES: Final = 4 << 20
_FIRST_WINDOW_BYTES: Final = 256 << 10  # one chunk, mostly: the first byte waits for no more
_READ_BYTES: Final = 4 << 20
_GAP_BYTES: Final = 64 << 10  # reading over what nobody asked for costs less than another request
_CACHE_BYTES: Final = 16 << 20
_PEEKED_BYTES: Final = 64 << 10  # opening more would hold up the event loop for longer than a trip to a thread

Locate = Callable[[Sequence[bytes]], dict[bytes, Place]]
"""Tells where chunks lie; called from engine threads."""


OnDamaged = Callable[[bytes, Sequence[bytes]], None]
"""Told the id of a pack and the keys of chunks in it that cannot be had as they were written, by engine threads."""


class Window(NamedTuple):
    """Chunks that are fetched together, in the order of the file, and where each lies."""

    pieces: list[Piece]
    places: dict[bytes, Place]


class Reading:
    """One range of one content being read: :meth:`next_window` one after the other, then :meth:`fetch` of each."""

    def __init__(self, reader: "Reader", keys: DomainKeys, manifest: bytes, wanted: range) -> None:
        self.opened_ms = reader.now_ms()
        self._reader = reader
        self._keys = keys
        self._wanted = wanted
        self._pieces = manifests.pieces(manifest, self._load, wanted.start, wanted.stop)
        self._window_bytes = _FIRST_WINDOW_BYTES

    def next_window(self) -> Window | None:
        """Return what to fetch next, or None at the end.

        Raises:
            ContentDamaged: the manifest cannot be read, or a chunk is nowhere.
        """
        pieces = self._gather()
        if not pieces:
            return None
        return Window(pieces, self._reader.places([piece.content_id for piece in pieces]))

    def fetch(self, window: Window) -> list[bytes]:
        """Return the plain bytes of *window*, as far as they are wanted.

        Raises:
            ContentDamaged: a chunk cannot be had as it was written.
        """
        raws = self._reader.chunks(self._keys, window)
        return [self._trimmed(piece, raws[piece.content_id]) for piece in window.pieces]

    def _gather(self) -> list[Piece]:
        pieces, size = [], 0
        try:
            for piece in self._pieces:
                pieces.append(piece)
                size += piece.size
                if size >= self._window_bytes:
                    break
            self._window_bytes = min(2 * self._window_bytes, _WINDOW_BYTES)
        except Malformed as error:
            raise damaged() from error
        return pieces

    def _trimmed(self, piece: Piece, raw: bytes) -> bytes:
        if len(raw) != piece.size:
            raise damaged()
        return raw[max(self._wanted.start - piece.start, 0) : self._wanted.stop - piece.start]

    def _load(self, content_id: bytes) -> bytes:
        return self._reader.load(self._keys, content_id)


class Open(Protocol):
    """A reading that goes on; gc removes nothing that it may still look for."""

    @property
    def opened_ms(self) -> int:
        """When it began, milliseconds since 1970."""
        ...


Outcome = bytes | ContentDamaged
"""The plain bytes of a content, or why they cannot be had."""


class Reader:
    """Reads content. Every method may be called from any thread and waits for the disk."""

    def __init__(
        self, backend: Backend, keyring: Keyring, codec: Codec, locate: Locate, clock: Clock | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self.on_damaged: OnDamaged = _ignore
        self._lock = threading.Lock()
        self._readings: weakref.WeakSet[Open] = weakref.WeakSet()
        self._backend = backend
        self._keyring = keyring
        self._codec = codec
        self.locate = locate
        self._threads = threading.local()
        self._cache = _Cache(_CACHE_BYTES)
        self._peeking = backend if isinstance(backend, Peeking) else None

    def open(self, space: bytes, manifest: bytes, start: int = 0, stop: int | None = None) -> Reading:
        """Begin to read the bytes from *start* up to *stop*, excluded; both are cut to the size of the content.

        Raises:
            ContentDamaged: *manifest* is no manifest.
            NoDomain: there are no keys for the space.
        """
        try:
            size = manifests.size(manifest)
        except Malformed as error:
            raise damaged() from error
        wanted = range(max(start, 0), size if stop is None else min(stop, size))
        reading = Reading(self, self._keyring.domain(space), manifest, wanted)
        with self._lock:
            self._readings.add(reading)
        return reading

    def begin(self, space: bytes, reading: "Open") -> DomainKeys:
        """Note that *reading*, of content of *space*, goes on for as long as it lives; return the keys it needs.

        Raises:
            NoDomain: there are no keys for the space.
        """
        keys = self._keyring.domain(space)
        with self._lock:
            self._readings.add(reading)
        return keys

    def now_ms(self) -> int:
        """Return the time in milliseconds since 1970."""
        return to_ms(self._clock.now())

    def oldest_open_ms(self) -> int | None:
        """Return when the oldest reading that may still go on was opened, None if there is none."""
        with self._lock:
            return min((reading.opened_ms for reading in self._readings), default=None)

    def chunk_keys(self, space: bytes, manifest: bytes) -> list[bytes]:
        """Return the key of every chunk that *manifest* needs, of nodes as well as of data.

        Raises:
            ContentDamaged: a node cannot be had as it was written.
            NoDomain: there are no keys for the space.
        """
        load = partial(self.load, self._keyring.domain(space))
        try:
            return [content_id[:CHUNK_KEY_BYTES] for content_id in manifests.chunk_keys(manifest, load)]
        except Malformed as error:
            raise damaged() from error

    def load(self, keys: DomainKeys, content_id: bytes) -> bytes:
        """Return the plain bytes of one chunk.

        Raises:
            ContentDamaged: it cannot be had as it was written.
        """
        return self.chunks(keys, Window([Piece(0, content_id, 0)], self.places([content_id])))[content_id]

    def read(self, space: bytes, manifest: bytes, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the plain bytes of a range.

        Raises:
            ContentDamaged: a chunk cannot be had as it was written; raised before its first byte is yielded.
        """
        reading = self.open(space, manifest, start, stop)
        while (window := reading.next_window()) is not None:
            yield from reading.fetch(window)

    def peek(self, space: bytes, manifest: bytes, start: int = 0, stop: int | None = None) -> bytes | None:
        """Return a range of a small content if it lies in memory, else None: nothing but the index may be waited for.

        What is damaged, or nowhere, gives None too: who then opens the content is told.
        """
        if self._peeking is None:
            return None
        try:
            only = manifests.only_chunk(manifest)
            if only is None or only.size > _PEEKED_BYTES:
                return None
            raw = self._peek_chunk(self._peeking, self._keyring.domain(space), only)
        except (NotAuthentic, Malformed, CloudConnectError):
            return None
        return None if raw is None else raw[max(start, 0) : stop]

    def _peek_chunk(self, backend: Peeking, keys: DomainKeys, entry: Entry) -> bytes | None:
        place = self.locate([entry.content_id[:CHUNK_KEY_BYTES]]).get(entry.content_id[:CHUNK_KEY_BYTES])
        if place is None:
            return None
        raw = self._cache.get(entry.content_id)
        if raw is None:
            sealed = backend.peek(pack_name(keys.space, place.pack_id), place.offset, place.length)
            if sealed is None:
                return None
            raw = self._sealer().unseal(keys, memoryview(sealed), entry.content_id)
            self._cache.put(entry.content_id, raw)
        return raw if len(raw) == entry.size else None

    def read_parts(self, space: bytes, entries: Sequence[Entry]) -> Iterator[list[bytes]]:
        """Yield the plain bytes of the chunks *entries*, about 4 MiB at a time, each chunk of exactly its size.

        Raises:
            ContentDamaged: one is nowhere, of another size, or cannot be had as it was written.
            NoDomain: there are no keys for the space.
        """
        keys = self._keyring.domain(space)
        for part in _windows(entries):
            pieces = [Piece(0, *entry) for entry in part]
            raws = self.chunks(keys, Window(pieces, self.places([piece.content_id for piece in pieces])))
            if any(len(raws[piece.content_id]) != piece.size for piece in pieces):
                raise damaged()
            yield [raws[piece.content_id] for piece in pieces]

    def places(self, content_ids: Sequence[bytes]) -> dict[bytes, Place]:
        """Return where chunks lie, by content id.

        Raises:
            ContentDamaged: one is nowhere.
        """
        found = self.locate([content_id[:CHUNK_KEY_BYTES] for content_id in content_ids])
        try:
            return {content_id: found[content_id[:CHUNK_KEY_BYTES]] for content_id in content_ids}
        except KeyError as error:
            raise damaged() from error

    def chunks(self, keys: DomainKeys, window: Window) -> dict[bytes, bytes]:
        """Return the plain bytes of the chunks of *window*, by content id.

        Raises:
            ContentDamaged: one cannot be had as it was written.
        """
        raws: dict[bytes, bytes] = {}
        missing: dict[bytes, Place] = {}
        for content_id, place in window.places.items():
            raw = self._cache.get(content_id)
            if raw is None:
                missing[content_id] = place
            else:
                raws[content_id] = raw
        for run in _runs(missing):
            raws.update(self._open_or_find_again(keys, run))
        # A range that starts or ends inside a chunk is often followed by the next one.
        for content_id in {window.pieces[0].content_id, window.pieces[-1].content_id} & missing.keys():
            self._cache.put(content_id, raws[content_id])
        return raws

    def open_each(self, keys: DomainKeys, places: dict[bytes, Place]) -> dict[bytes, Outcome]:
        """Return the plain bytes of chunks, or why they cannot be had, by content id."""
        outcomes: dict[bytes, Outcome] = {}
        for run in _runs(places, _GAP_BYTES):
            try:
                outcomes.update(self._open_or_find_again(keys, run))
            except ContentDamaged as refusal:
                if len(run) == 1:
                    outcomes[run[0][0]] = refusal
                for content_id, place in run if len(run) > 1 else ():
                    outcomes.update(self.open_each(keys, {content_id: place}))
        return outcomes

    def _open_or_find_again(self, keys: DomainKeys, run: list[tuple[bytes, Place]]) -> dict[bytes, bytes]:
        try:
            return dict(self._open_run(keys, run))
        except ContentDamaged:
            # Gc may have moved the chunks since they were looked up, or scrub healed them.
            places = self.places([content_id for content_id, _ in run])
            if places == dict(run):
                self._tell(keys, run)
                raise
            return {name: raw for again in _runs(places) for name, raw in self._open_run(keys, again)}

    def _tell(self, keys: DomainKeys, run: list[tuple[bytes, Place]]) -> None:
        """Tell which chunks of *run* are damaged, so that nothing is deduplicated against them any more."""
        for each in run:
            try:
                list(self._open_run(keys, [each]))
            except ContentDamaged:
                self.on_damaged(each[1].pack_id, [each[0][:CHUNK_KEY_BYTES]])

    def _open_run(self, keys: DomainKeys, run: list[tuple[bytes, Place]]) -> Iterator[tuple[bytes, bytes]]:
        first, last = run[0][1], run[-1][1]
        try:
            name, length = pack_name(keys.space, first.pack_id), last.offset + last.length - first.offset
            data = read_again(lambda: self._backend.read(name, first.offset, length))
        except OSError as error:
            raise damaged() from error
        view = memoryview(data)
        for content_id, place in run:
            start = place.offset - first.offset
            try:
                yield content_id, self._sealer().unseal(keys, view[start : start + place.length], content_id)
            except (NotAuthentic, Malformed) as error:
                raise damaged() from error

    def _sealer(self) -> Sealer:
        try:
            sealer: Sealer = self._threads.sealer
        except AttributeError:
            sealer = self._threads.sealer = Sealer(self._codec)
        return sealer


def _ignore(pack_id: bytes, keys: Sequence[bytes]) -> None:
    """Tell nobody of damage."""


def damaged() -> ContentDamaged:
    """Return the refusal for content that cannot be had as it was written."""
    return ContentDamaged(
        N_("Part of this content is missing or no longer what was stored."),
        fix=N_("Restore it from an earlier version or from a copy."),
    )


class _Cache:
    """The plain bytes of the chunks used last."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._chunks: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, content_id: bytes) -> bytes | None:
        with self._lock:
            raw = self._chunks.get(content_id)
            if raw is not None:
                self._chunks.move_to_end(content_id)
            return raw

    def put(self, content_id: bytes, raw: bytes) -> None:
        with self._lock:
            if content_id in self._chunks:
                return
            self._chunks[content_id] = raw
            self._bytes += len(raw)
            while self._bytes > self._limit_bytes:
                self._bytes -= len(self._chunks.popitem(last=False)[1])


def _windows(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    window: list[Entry] = []
    size = 0
    for entry in entries:
        window.append(entry)
        size += entry.size
        if size >= _WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


def _runs(places: dict[bytes, Place], gap_bytes: int = 0) -> Iterator[list[tuple[bytes, Place]]]:
    """Group chunks that lie in one pack with at most *gap_bytes* between two, up to the most that is read at once."""
    ordered = sorted(places.items(), key=lambda item: item[1][:2])
    if not ordered:
        return
    run = [ordered[0]]
    for (_, before), item in pairwise(ordered):
        place = item[1]
        start = run[0][1].offset
        gap = place.offset - before.offset - before.length
        is_next = place.pack_id == before.pack_id and 0 <= gap <= gap_bytes
        if is_next and place.offset + place.length - start <= _READ_BYTES:
            run.append(item)
        else:
            yield run
            run = [item]
    yield run
