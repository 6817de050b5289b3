"""Packs in a directory of a local disk."""

import contextlib
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cloudconnect.kernel.text import N_
from cloudconnect.storage.backends import Orphan, orphan_name, pack_name_of
from cloudconnect.storage.disk import Health, make_directory, open_existing, sync_directory, sync_file, write_file
from cloudconnect.storage.errors import BackendUnreachable, StoreFull

_OPEN_FILES: Final = 64
_WARM_FILES: Final = 4_096
MARK: Final = "cloudconnect-storage"
_MARK_TEXT: Final = b"Packs of a CloudConnect appliance lie here. Without this file the disk counts as not mounted.\n"


class LocalBackend:
    """Keeps objects as files below *root*: sync the file, rename, sync the directory (SECURITY.md, 5.1, W2 to W4).

    With *is_elsewhere*, this may be a disk of its own: spools are copied to it first, and it counts as there when it
    holds the file ``MARK``.
    """

    def __init__(self, root: Path, health: Health, *, is_elsewhere: bool = False) -> None:
        self._root = root
        self._is_elsewhere = is_elsewhere
        self._health = health
        self._lock = threading.Lock()
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()
        self._warm: OrderedDict[str, None] = OrderedDict()

    def mark(self) -> None:
        """Say in the directory that packs lie there, so that it is told from the one where its disk is mounted."""
        with self._health.writing():
            write_file(self._root / MARK, _MARK_TEXT)

    def look(self) -> None:
        """Refuse if this is a disk of its own and is not there: a directory without mark is where one is mounted.

        Packs that are there without mark are from before there were marks, and are given one.
        """
        if not self._is_elsewhere or (self._root / MARK).exists():
            return
        if not (self._root / "packs").is_dir():
            raise BackendUnreachable(
                N_("The disk of “{directory}” is not there."),
                fix=N_("Mount it; what lies there is served again at once."),
                directory=str(self._root),
            )
        # A disk that takes no writes is still there to be read.
        with contextlib.suppress(BackendUnreachable, StoreFull):
            self.mark()

    def put(self, name: str, spool: Path) -> None:
        """Take the finished file *spool* as *name*."""
        self._warmed(name)
        path, beside = self._root / name, spool
        try:
            self.look()
            with self._health.writing():
                if self._is_elsewhere:
                    beside = self._root / spool.name
                    shutil.copyfile(spool, beside)
                    beside.chmod(0o600)
                sync_file(beside)
                directory = path.parent
                make_directory(directory)
                beside.rename(path)
                sync_directory(directory)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        finally:
            if beside is not spool:
                with contextlib.suppress(OSError):
                    spool.unlink(missing_ok=True)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a range of the object, keeping its file open for the next one."""
        try:
            file = self._file(name)
        except FileNotFoundError:
            self.look()
            raise
        data = os.pread(file.descriptor, length, offset)
        while len(data) < length and (more := os.pread(file.descriptor, length - len(data), offset + len(data))):
            data += more
        return data

    def peek(self, name: str, offset: int, length: int) -> bytes | None:
        """Return a range of an object that was put or read lately, if the page cache holds it all, else None."""
        if name not in self._warm:
            # Opening its file might have to wait for the disk.
            return None
        data = bytearray(length)
        try:
            count = os.preadv(self._file(name).descriptor, [data], offset, os.RWF_NOWAIT)
        except OSError:
            return None
        return bytes(data) if count == length else None

    def size(self, name: str) -> int | None:
        """Return the size of the object in bytes, or None when there is none."""
        try:
            return (self._root / name).lstat().st_size
        except FileNotFoundError:
            self.look()
            return None

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of every object under ``packs/``."""
        self.look()
        for directory, _, files in os.walk(self._root / "packs"):
            for file in files:
                path = Path(directory, file)
                yield path.relative_to(self._root).as_posix(), path.lstat().st_size

    def set_aside(self, name: str) -> None:
        """Move the object to the same place below ``orphan/``."""
        source, target = self._root / name, self._root / orphan_name(name)
        self.look()
        with self._health.writing():
            make_directory(target.parent)
            source.rename(target)
            sync_directory(target.parent)
            sync_directory(source.parent)
        self._forget(name)

    def orphans(self) -> Iterator[Orphan]:
        """Yield what was set aside; a rename changes the time of the file's status."""
        for directory, _, files in os.walk(self._root / "orphan"):
            for file in files:
                path = Path(directory, file)
                status = path.lstat()
                yield Orphan(pack_name_of(path.relative_to(self._root).as_posix()), status.st_size, status.st_ctime)

    def delete(self, name: str) -> None:
        """Remove the object, durably."""
        path = self._root / name
        with self._health.writing(), contextlib.suppress(FileNotFoundError):
            path.unlink()
            sync_directory(path.parent)
        self._forget(name)

    def put_document(self, name: str, data: bytes) -> None:
        """Keep *data* as *name*, in place of what was there."""
        path = self._root / name
        with self._health.writing():
            make_directory(path.parent)
            write_file(path, data)

    def get_document(self, name: str) -> bytes | None:
        """Return what is kept as *name*, or None when nothing is."""
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None

    def find_documents(self, directory: str) -> list[str]:
        """Return the names of what is kept directly below *directory*, in order."""
        place = self._root / directory
        return sorted(f"{directory}/{path.name}" for path in place.iterdir()) if place.is_dir() else []

    def _file(self, name: str) -> "_OpenFile":
        with self._lock:
            file = self._open.get(name)
            if file is not None:
                self._open.move_to_end(name)
                return file
        file = _OpenFile(self._root / name)
        self._warmed(name)
        with self._lock:
            self._open[name] = file
            if len(self._open) > _OPEN_FILES:
                self._open.popitem(last=False)
        return file

    def _warmed(self, name: str) -> None:
        """Note that the system has just looked up the file of *name*, and so will find it again without the disk."""
        with self._lock:
            self._warm[name] = None
            self._warm.move_to_end(name)
            if len(self._warm) > _WARM_FILES:
                self._warm.popitem(last=False)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._warm.pop(name, None)
            self._open.pop(name, None)


class _OpenFile:
    """A descriptor that closes when its last user lets go, so that one can be evicted while another thread reads."""

    __slots__ = ("descriptor",)

    def __init__(self, path: Path) -> None:
        self.descriptor = -1
        self.descriptor = open_existing(path)

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
