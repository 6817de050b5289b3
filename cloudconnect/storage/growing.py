"""A stream that comes in by and by: cut as if it came at once, and durable as far as it has come.

What lies behind the last cut, the rest, is not a chunk yet: where it ends depends on bytes that have not come. To be
durable it is stored in *pieces*, chunks that stand for it until its own chunk can be cut. Each new piece takes in those
before it that are not longer, so a rest of n bytes that came byte by byte has at most log2 n pieces, and each byte was
stored at most log2 n times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from cloudconnect.storage.chunker import Chunker
from cloudconnect.storage.ingest import StoredContent
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.seal import Buffer


class Updated(Protocol):
    """What is told the bytes that go by."""

    def update(self, data: Buffer, /) -> None:
        """Go on with *data*."""
        ...


class Hashing(Updated, Protocol):
    """A hash that goes on, such as those of hashlib."""

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
    """The state of a growing stream: what was cut, what waits, and the hash of all if all was seen.

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
        self._whole_bytes = size - sum(size for _, size in pieces)
        self._pieces = [_Piece(*piece) for piece in pieces]
        self._rest: Buffer = rest
        self._waiting: list[bytes] = []
        self._chunks = 0
        self._new: _Piece | None = None

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
        if ends:
            self._chunks += len(ends)
            self._whole_bytes += ends[-1]
            self._pieces = []
            self._rest = bytes(whole[ends[-1] :])
        else:
            self._rest = whole
        if not whole_only and (size := self._add_piece()):
            raws.append(memoryview(self._rest)[-size:])
        return raws

    def mark(self) -> "Mark":
        """Return what the stream is made of once all is stored that was cut since the last mark."""
        pieces = list(self._pieces)
        mark = Mark(self._chunks, self._new, pieces, self._whole_bytes + sum(piece.size for piece in pieces))
        self._chunks, self._new = 0, None
        return mark

    def _add_piece(self) -> int:
        """Have one piece more, for all of the rest that is in none, and return its size; 0 when all of it is."""
        size = len(self._rest) - sum(piece.size for piece in self._pieces)
        if not size:
            return 0
        while self._pieces and self._pieces[-1].size <= size:
            size += self._pieces.pop().size
        self._new = _Piece(b"", size)
        self._pieces.append(self._new)
        return size


@dataclass(slots=True)
class _Piece:
    """A part of the rest; it has no name before it is stored."""

    content_id: bytes
    size: int


class Mark(NamedTuple):
    """What was cut up to some moment, before it is stored and has names."""

    chunks: int
    new: _Piece | None
    pieces: list[_Piece]
    size: int

    def kept(self, entries: Sequence[Entry], shared: StoredContent) -> Kept:
        """Return what the stream is made of, what was cut being stored as *entries* now."""
        if self.new is not None:
            self.new.content_id = entries[-1].content_id
        chunks = [(entry.content_id, entry.size) for entry in entries[: self.chunks]]
        return Kept(shared, chunks, [(piece.content_id, piece.size) for piece in self.pieces], self.size)
