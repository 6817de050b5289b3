"""Buffers that streams are gathered in, used again: fresh ones would cost more in page faults than in copying."""

import threading
from collections.abc import Iterable
from typing import Final

from cloudconnect.storage.seal import Buffer

_BUFFER_BYTES: Final = 9 << 20
_KEPT: Final = 4


class _Pooled(bytearray):
    """A buffer that belongs to the pool, told from other people's by its type."""


class Buffers:
    """Hands out buffers and takes them back. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[_Pooled] = []

    def gather(self, pieces: Iterable[Buffer], size: int) -> memoryview:
        """Return a view of *size* bytes that holds *pieces* one after the other."""
        buffer = self._take() if size <= _BUFFER_BYTES else bytearray(size)
        view = memoryview(buffer)
        end = 0
        for piece in pieces:
            start, end = end, end + len(piece)
            view[start:end] = piece
        return view[:size]

    def give_back(self, views: Iterable[Buffer]) -> None:
        """Take back what *views* lie in; nobody may look at it any more."""
        owners = {id(view.obj): view.obj for view in views if isinstance(view, memoryview)}
        for owner in owners.values():
            if isinstance(owner, _Pooled):
                with self._lock:
                    if len(self._free) < _KEPT:
                        self._free.append(owner)

    def forget(self) -> None:
        """Let go of the memory of all buffers that nobody uses."""
        with self._lock:
            self._free.clear()

    def _take(self) -> _Pooled:
        with self._lock:
            if self._free:
                return self._free.pop()
        return _Pooled(_BUFFER_BYTES)
