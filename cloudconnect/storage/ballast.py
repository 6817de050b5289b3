"""The ballast: room that nothing uses, given up when another program has filled the disk to the last byte.

Then what frees space, deleting and signing in to do so, still finds room for its rows (SECURITY.md, section 5.1, D7).
"""

import os
import shutil
import threading
from pathlib import Path

from cloudconnect.storage.disk import open_new


class Ballast:
    """A file of *size* bytes that can be dropped at any moment, from any thread."""

    def __init__(self, path: Path, size: int, least_free: int) -> None:
        self._path = path
        self._size = size
        self._least_free = least_free
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Put the ballast in its place if there is room for it; return whether it is there."""
        with self._lock:
            if self._path.exists() and self._path.stat().st_size >= self._size:
                return True
            if not self._size or shutil.disk_usage(self._path.parent).free < self._size + self._least_free:
                return False
            beside = self._path.with_name(f"{self._path.name}.new")
            beside.unlink(missing_ok=True)
            descriptor = open_new(beside)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
                beside.rename(self._path)
            except OSError:
                # Somebody was faster, or the file system knows no such call: without ballast nothing is worse.
                beside.unlink()
                return False
            finally:
                os.close(descriptor)
            return True

    def drop(self) -> bool:
        """Give the room of the ballast to whoever needs it; return whether there was any."""
        with self._lock:
            if not self._path.exists():
                return False
            self._path.unlink()
            return True
