"""A stream that comes in by and by: cut as if it came at once, and durable as far as it has come.

What lies behind the last cut, the rest, is not a chunk yet: where it ends depends on bytes that have not come. To be
durable it is stored in *pieces*, chunks that stand for it until its own chunk can be cut. Each new piece takes in those
before it that are not longer, so a rest of n bytes that came byte by byte has at most log2 n pieces, and each byte was
stored at most log2 n times.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from cloudconnect.storage.chunker import Chunker
from cloudconnect.storage.ingest import StoredContent
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.seal import Buffer


class Hashing(Protocol):
    """A hash that goes on, such as those of hashlib."""

    def update(self, data: Buffer, /) -> None:
        """Go on with *data*."""
        ...

    def digest(self) -> bytes:
        """Return the hash of all that it has seen."""
        ...


class Kept(NamedTuple):
    """What has become durable of a growing stream since it was kept last, and what it is made of.

    ``chunks`` follow those of before, ``pieces`` take the place of all pieces of before; ``size`` is the bytes of the
    stream that chunks and pieces hold together.
    """

    shared: StoredContent
    chunks: list[tuple[bytes, int]]
    pieces: list[tuple[bytes, int]]
    size: int

    @property
    def stored_bytes(self) -> int:
        """Bytes that this added on disk."""
        return self.shared.stored_bytes

    @property
    def reused_bytes(self) -> int:
        """Plain bytes that were stored already."""
        return self.shared.reused_bytes


class Growing:
    """The state of a growing stream: what was kept, what waits, and the hash of all if all was seen.

    *size* bytes are durable, the last of them as *pieces*, whose plain bytes are *rest*. *hashing* has seen all of
    them, or is None when nobody has.
    """

    def __init__(
        self,
        chunker: Chunker,
        size: int,
        pieces: Sequence[tuple[bytes, int]],
        rest: bytes,
        hashing: Hashing | None,
    ) -> None:
        self.waiting_bytes = 0
        self.hashing = hashing
        self._chunker = chunker
        self._size = size
        self._pieces = list(pieces)
        self._rest: Buffer = rest
        self._waiting: list[bytes] = []
        self._cut = 0
        self._cut_bytes = 0

    def add(self, piece: bytes) -> None:
        """Take in the next bytes; they wait until they are cut."""
        self._waiting.append(piece)
        self.waiting_bytes += len(piece)

    def take(self) -> list[bytes]:
        """Return what waits, and wait for more."""
        waiting, self._waiting, self.waiting_bytes = self._waiting, [], 0
        return waiting

    def hash(self, taken: Sequence[bytes]) -> None:
        """Hash what was taken."""
        if self.hashing is not None:
            for piece in taken:
                self.hashing.update(piece)

    def cut(self, taken: Sequence[bytes], *, whole_only: bool, is_last: bool) -> list[Buffer]:
        """Return what is to be stored of the rest and of what was *taken* behind it, each as one chunk.

        With *whole_only* what comes behind the last cut stays in memory; if *is_last*, the stream ends here and so
        does its last chunk.
        """
        whole = memoryview(b"".join((self._rest, *taken)))
        ends = self._chunker.cut(whole, is_last=is_last)
        raws: list[Buffer] = [whole[start:end] for start, end in zip((0, *ends), ends, strict=False)]
        self._cut, self._cut_bytes = len(ends), ends[-1] if ends else 0
        if ends:
            self._size -= sum(size for _, size in self._pieces)
            self._pieces = []
        self._rest = bytes(whole[self._cut_bytes :])
        if not whole_only and (piece := self._next_piece()):
            raws.append(memoryview(self._rest)[-piece:])
        return raws

    def kept(self, entries: Sequence[Entry], shared: StoredContent) -> Kept:
        """Note that what was cut is durable, as *entries*, and return what the stream is made of now."""
        chunks = [(entry.content_id, entry.size) for entry in entries[: self._cut]]
        pieces = [(entry.content_id, entry.size) for entry in entries[self._cut :]]
        self._size += self._cut_bytes + sum(size for _, size in pieces)
        if pieces:
            kept = len(self._rest) - pieces[0][1]
            while sum(size for _, size in self._pieces) > kept:
                self._size -= self._pieces.pop()[1]
            self._pieces += pieces
        return Kept(shared, chunks, list(self._pieces), self._size)

    def _next_piece(self) -> int:
        """Return how many bytes at the end of the rest the next piece holds; 0 when all is in pieces already."""
        piece = len(self._rest) - sum(size for _, size in self._pieces)
        if piece:
            for _, size in reversed(self._pieces):
                if size > piece:
                    break
                piece += size
        return piece
