"""Packs in memory, for tests and trials."""

import threading
from collections.abc import Iterator
from pathlib import Path

from cloudconnect.storage.backends import Orphan, orphan_name, pack_name_of


class MemoryBackend:
    """Keeps objects in a dictionary; nothing survives the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, bytes] = {}

    def put(self, name: str, spool: Path) -> None:
        """Take the finished file *spool* as *name*."""
        data = spool.read_bytes()
        spool.unlink()
        with self._lock:
            self._objects.setdefault(name, data)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a range of the object."""
        data = self._objects.get(name)
        if data is None:
            raise FileNotFoundError(name)
        return data[offset : offset + length]

    def size(self, name: str) -> int | None:
        """Return the size of the object in bytes, or None when there is none."""
        data = self._objects.get(name)
        return None if data is None else len(data)

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of every object under ``packs/``."""
        with self._lock:
            found = [(name, len(data)) for name, data in self._objects.items() if name.startswith("packs/")]
        yield from found

    def set_aside(self, name: str) -> None:
        """Move the object under ``orphan/``."""
        with self._lock:
            self._objects[orphan_name(name)] = self._objects.pop(name)

    def orphans(self) -> Iterator[Orphan]:
        """Yield what was set aside; nobody has kept since when, so that is long ago."""
        with self._lock:
            found = [(name, len(data)) for name, data in self._objects.items() if name.startswith("orphan/")]
        yield from (Orphan(pack_name_of(name), size, 0.0) for name, size in found)

    def put_document(self, name: str, data: bytes) -> None:
        """Keep *data* as *name*."""
        with self._lock:
            self._objects[name] = data

    def get_document(self, name: str) -> bytes | None:
        """Return what is kept as *name*, or None when nothing is."""
        return self._objects.get(name)

    def find_documents(self, directory: str) -> list[str]:
        """Return the names of what is kept directly below *directory*, in order."""
        with self._lock:
            return sorted(name for name in self._objects if name.rpartition("/")[0] == directory)

    def delete(self, name: str) -> None:
        """Remove the object."""
        with self._lock:
            self._objects.pop(name, None)
