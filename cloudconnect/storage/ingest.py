"""One stream on its way in: what it has been cut into, where its chunks went, and what became of it."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.buffers import Buffers
from cloudconnect.storage.domains import OpenDomain, OpenPack, PendingChunk
from cloudconnect.storage.index import CHUNK_KEY_BYTES, ChunkRow, StoredPack
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.seal import DATA, Buffer


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class StoredContent:
    """What one stream became: durable bytes that nothing points to until it is settled."""

    manifest: bytes
    size: int
    sha256: bytes
    stored_bytes: int
    reused_bytes: int
    packs: tuple[StoredPack, ...]
    chunks: tuple[ChunkRow, ...]
    reused: tuple[bytes, ...]
    pieces: tuple[bytes, ...] = ()
    """Keys of all chunks of a content of more than one, its nodes among them."""

    @property
    def key(self) -> bytes | None:
        """The key that names this content in the index, None for an empty one."""
        return manifests.root_key(self.manifest)


class SmallContent(NamedTuple):
    """One content of at most one chunk; what its chunk needs is settled with all others of its batch."""

    manifest: bytes
    key: bytes | None
    size: int
    sha256: bytes


class StoredBatch(NamedTuple):
    """What many small streams became, and what they need to be settled together."""

    shared: StoredContent
    contents: list[SmallContent]

    @property
    def stored_bytes(self) -> int:
        """Bytes that the streams added on disk."""
        return self.shared.stored_bytes

    @property
    def reused_bytes(self) -> int:
        """Plain bytes that were stored already."""
        return self.shared.reused_bytes


class Cut(NamedTuple):
    """A stretch that one chunk is made of, and its place among the chunks of its stream."""

    ingest: "Ingest"
    place: int
    kind: int
    raw: Buffer


class Ingest:
    """Takes one stream in.

    :meth:`cut` is called with one buffer after the other; what it returns may be stored by several threads at once.
    """

    def __init__(self, enter: Callable[[], OpenDomain], leave: Callable[["Ingest"], None], buffers: Buffers) -> None:
        self.future: Future[StoredContent] = Future()
        self.future.set_running_or_notify_cancel()  # so that whoever waits may go away without hurting who answers
        self.entries: list[Entry] = []
        self.was_ending = False
        self.manifest = b""
        self.nodes: list[bytes] = []
        self._enter = enter
        self._leave = leave
        self._lock = threading.RLock()
        self._holds = 1
        self._is_over = False
        self._domain: OpenDomain | None = None
        self._buffers = buffers
        self._tail = b""
        self._sha256 = hashlib.sha256()
        self._given_sha256 = b""
        self._size = 0
        self._stored_bytes = 0
        self._reused_bytes = 0
        self._chunks: dict[bytes, PendingChunk] = {}
        self._reused: set[bytes] = set()
        self._waits_for = 0

    @property
    def has_begun(self) -> bool:
        """Whether something has been cut, so that there is a domain."""
        return self._domain is not None

    @property
    def domain(self) -> OpenDomain:
        """The domain that the stream goes into, once something has been cut."""
        if self._domain is None:
            raise ValueError("nothing has been cut yet")
        return self._domain

    @property
    def packs(self) -> set[OpenPack]:
        """The packs that its new chunks lie in."""
        with self._lock:
            return {chunk.pack for chunk in self._chunks.values()}

    def reused_keys(self) -> set[bytes]:
        """Return the keys of the chunks of the index that the stream counts on so far."""
        with self._lock:
            return set(self._reused)

    def cut(self, pieces: Sequence[bytes], *, is_last: bool) -> list[Cut]:
        """Take in the next bytes of the stream and return what can be cut off; nothing once the ingest is over.

        Raises:
            NoDomain: there are no keys for the space.
            StoreReadOnly: the store takes no changes.
            StoreFull: less than the floor is free.
        """
        with self._lock:
            if self._is_over:
                return []
            chunker = self._entered().chunker
            if is_last:
                self.was_ending = True
                self.domain.ending()
            for piece in pieces:
                self._sha256.update(piece)
                self._size += len(piece)
            if len(pieces) == 1 and not self._tail:
                view = memoryview(pieces[0])
            else:
                view = self._buffers.gather((self._tail, *pieces), len(self._tail) + sum(map(len, pieces)))
            start, cuts = 0, []
            for end in chunker.cut(view, is_last=is_last):
                cuts.append(Cut(self, len(self.entries), DATA, view[start:end]))
                self.entries.append(Entry(b"", end - start))
                start = end
            self._tail = bytes(view[start:])
            if not cuts:
                self._buffers.give_back([view])
            return cuts

    def take(self, contents: Sequence[Buffer]) -> list[Cut]:
        """Take in many streams, each of at most the shortest chunk, and return what each was cut into.

        Raises:
            NoDomain: there are no keys for the space.
            StoreReadOnly: the store takes no changes.
            StoreFull: less than the floor is free.
        """
        with self._lock:
            cuts = self.extend(contents)
            self.ending()
            return cuts

    def extend(self, raws: Sequence[Buffer]) -> list[Cut]:
        """Take in more that somebody else has cut, each as one chunk, and return the cuts.

        Raises:
            NoDomain: there are no keys for the space.
            StoreReadOnly: the store takes no changes.
            StoreFull: less than the floor is free.
        """
        with self._lock:
            if self._is_over:
                return []
            self._entered()
            first = len(self.entries)
            self.entries += [Entry(b"", len(raw)) for raw in raws]
            self._size += sum(map(len, raws))
            return [Cut(self, first + place, DATA, raw) for place, raw in enumerate(raws) if len(raw)]

    def ending(self) -> None:
        """Note that nothing more comes: whoever waits for company need not wait for this one."""
        with self._lock:
            if self._domain is not None and not self._is_over and not self.was_ending:
                self.was_ending = True
                self._domain.ending()

    def adopt(self, entries: Sequence[Entry], sha256: bytes) -> None:
        """Take in one stream whose chunks the index holds already, all of them, as *entries* list them.

        Raises:
            NoDomain: there are no keys for the space.
            StoreReadOnly: the store takes no changes.
            StoreFull: less than the floor is free.
        """
        with self._lock:
            self._entered()
            self.was_ending = True
            self.domain.ending()
            self.entries = list(entries)
            self._size = self._reused_bytes = sum(entry.size for entry in entries)
            self._reused.update(entry.content_id[:CHUNK_KEY_BYTES] for entry in entries)
            self._given_sha256 = sha256

    def known(self, key: bytes) -> PendingChunk | None:
        """Return a chunk that is on its way to disk, for this stream or for another of its domain."""
        return self._chunks.get(key) or self.domain.pending.get(key)

    def has_reused(self, key: bytes) -> bool:
        """Tell whether the stream counts on a chunk of the index already."""
        return key in self._reused

    def add_stored(self, chunk: PendingChunk) -> None:
        """Note a chunk that was written for this stream."""
        with self._lock:
            self._chunks[chunk.key] = chunk
            self._stored_bytes += chunk.length

    def add_pending(self, chunk: PendingChunk, plain_bytes: int) -> None:
        """Note a chunk that this stream shares with what is on its way to disk, and how much of the stream it is."""
        with self._lock:
            self._chunks[chunk.key] = chunk
            self._reused_bytes += plain_bytes

    def add_reused(self, key: bytes, plain_bytes: int) -> None:
        """Note a chunk of the index that this stream counts on, and how much of the stream it is."""
        with self._lock:
            self._reused.add(key)
            self._reused_bytes += plain_bytes

    def hold(self) -> bool:
        """Keep the ingest from being over while its cuts are stored; False when it is over already."""
        with self._lock:
            if self._is_over:
                return False
            self._holds += 1
            return True

    def release(self) -> None:
        """Let go of one hold."""
        with self._lock:
            self._holds -= 1
            is_last = not self._holds and self._domain is not None
        if is_last:
            self._leave(self)

    def end(self) -> None:
        """Take nothing in any more: it is complete, or nobody wants it; what is on disk of it is then garbage."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            self._tail = b""
        self.release()

    def fail(self, error: Exception) -> None:
        """Answer the future with *error* and take nothing in any more."""
        with self._lock:
            if not self.future.done():
                self.future.set_exception(error)
        self.end()

    def wait(self) -> None:
        """Answer the future once every pack is durable or one has failed."""
        packs = self.packs
        self._waits_for = len(packs) + 1
        for pack in packs:
            pack.when_settled(self._settled)
        self._settled(None)

    def _entered(self) -> OpenDomain:
        if self._domain is None:
            self._domain = self._enter()
        return self._domain

    def _settled(self, pack: OpenPack | None) -> None:
        with self._lock:
            self._waits_for -= 1
            if self.future.done():
                return
            if pack is not None and pack.failure is not None:
                self.future.set_exception(pack.failure)
            elif not self._waits_for:
                self.future.set_result(self._content())

    def _content(self) -> StoredContent:
        return StoredContent(
            self.manifest,
            self._size,
            self._given_sha256 or self._sha256.digest(),
            self._stored_bytes,
            self._reused_bytes,
            tuple(pack.stored for pack in self.packs if pack.stored is not None),
            tuple(chunk.row() for chunk in self._chunks.values()),
            tuple(self._reused),
            self._pieces(),
        )

    def _pieces(self) -> tuple[bytes, ...]:
        if not self.nodes:
            return ()
        names = {entry.content_id for entry in self.entries}.union(self.nodes)
        return tuple(name[:CHUNK_KEY_BYTES] for name in names)
