"""A cache on the local disk for packs that rest somewhere slow."""

import contextlib
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from cloudconnect.storage.backends import Backend, Orphan, abort_uploads, look
from cloudconnect.storage.disk import make_directory, open_existing, open_new

BLOCK_BYTES: Final = 1 << 20
_SUM_BYTES: Final = 16

Key = tuple[str, int]


class CachedBackend:
    """Keeps what is read from *inner* as files of one aligned block each, never more than *cap_bytes* together.

    Only reads are kept: what is put goes to *inner*, and its word alone counts. Each file carries a sum of its bytes;
    one that does not fit, or cannot be read or written, is as good as none. The directory is emptied at the start, so
    the cap holds whatever was there. Any method may be called from any thread.
    """

    def __init__(self, inner: Backend, directory: Path, cap_bytes: int) -> None:
        self._inner = inner
        self._directory = directory
        self._cap_bytes = cap_bytes
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Key, int] = OrderedDict()
        self._bytes = 0
        self._writes = 0
        make_directory(directory)
        for path in directory.iterdir():
            path.unlink()

    @property
    def cached_bytes(self) -> int:
        """The bytes that the cache takes on the disk."""
        return self._bytes

    def put(self, name: str, spool: Path) -> None:
        """Put into the inner backend."""
        self._inner.put(name, spool)
        self.forget(name)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a range, block by block from the disk; what is missing between comes in as few reads as possible."""
        if length <= 0:
            return b""
        first, last = offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES
        blocks: dict[int, bytes] = {}
        number = first
        while number <= last:
            block = self._load((name, number))
            if block is None:
                until = self._end_of_gap(name, number, last)
                blocks |= self._fetch(name, number, until)
                number = until
            else:
                blocks[number] = block
            number += 1
        start = offset - first * BLOCK_BYTES
        return b"".join(blocks[number] for number in range(first, last + 1))[start : start + length]

    def size(self, name: str) -> int | None:
        """Ask the inner backend."""
        return self._inner.size(name)

    def names(self) -> Iterator[tuple[str, int]]:
        """Ask the inner backend."""
        return self._inner.names()

    def set_aside(self, name: str) -> None:
        """Move it in the inner backend and forget it."""
        self._inner.set_aside(name)
        self.forget(name)

    def abort_uploads(self, now: datetime) -> int:
        """Ask the inner backend."""
        return abort_uploads(self._inner, now)

    def orphans(self) -> Iterator[Orphan]:
        """Ask the inner backend."""
        return self._inner.orphans()

    def delete(self, name: str) -> None:
        """Remove it from the inner backend and forget it."""
        self._inner.delete(name)
        self.forget(name)

    def look(self) -> None:
        """Ask the inner backend whether it is there."""
        look(self._inner)

    def forget(self, name: str) -> None:
        """Drop every block of the object, as for a reader that found it to be wrong."""
        with self._lock:
            for key in [key for key in self._sizes if key[0] == name]:
                self._drop(key)

    def _end_of_gap(self, name: str, number: int, last: int) -> int:
        with self._lock:
            while number < last and (name, number + 1) not in self._sizes:
                number += 1
        return number

    def _fetch(self, name: str, first: int, last: int) -> dict[int, bytes]:
        data = self._inner.read(name, first * BLOCK_BYTES, (last + 1 - first) * BLOCK_BYTES)
        blocks = {}
        for number in range(first, last + 1):
            place = (number - first) * BLOCK_BYTES
            block = blocks[number] = data[place : place + BLOCK_BYTES]
            if block:
                self._keep((name, number), block)
        return blocks

    def _load(self, key: Key) -> bytes | None:
        with self._lock:
            if key not in self._sizes:
                return None
            self._sizes.move_to_end(key)
        try:
            descriptor = open_existing(self._path(key))
            try:
                data = os.read(descriptor, BLOCK_BYTES + _SUM_BYTES)
            finally:
                os.close(descriptor)
        except OSError:
            data = b""
        block = data[_SUM_BYTES:]
        if data[:_SUM_BYTES] == _sum(block):
            return block
        with self._lock:
            self._drop(key)
        return None

    def _keep(self, key: Key, block: bytes) -> None:
        size = len(block) + _SUM_BYTES
        if size > self._cap_bytes:
            return
        with self._lock:
            self._writes += 1
            beside = self._directory / f"{self._writes}.new"
        # A full or broken disk costs speed alone.
        with contextlib.suppress(OSError):
            try:
                _write(beside, _sum(block) + block)
                with self._lock:
                    self._drop(key)
                    while self._bytes + size > self._cap_bytes:
                        self._drop(next(iter(self._sizes)))
                    beside.rename(self._path(key))
                    self._sizes[key] = size
                    self._bytes += size
            finally:
                beside.unlink(missing_ok=True)

    def _drop(self, key: Key) -> None:
        size = self._sizes.pop(key, None)
        if size is not None:
            self._bytes -= size
            with contextlib.suppress(OSError):
                self._path(key).unlink(missing_ok=True)

    def _path(self, key: Key) -> Path:
        return self._directory / hashlib.blake2b(f"{key[1]}/{key[0]}".encode(), digest_size=20).hexdigest()


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(open_new(path), "wb") as file:
        file.write(data)


def _sum(block: bytes) -> bytes:
    return hashlib.blake2b(block, digest_size=_SUM_BYTES).digest()
