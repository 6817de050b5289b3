"""What must hold on a local disk: who may read, what is durable, and what an error of the disk means.

Source of the rules: SECURITY.md, section 5.1, D3, D7 and D8.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cloudconnect.kernel.text import N_
from cloudconnect.storage.errors import StoreFull, StoreReadOnly
from cloudconnect.storage.seal import Buffer

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_BLOCK_BYTES: Final = 1 << 20
_IDLE_BLOCKS: Final = 8

FLOOR_BYTES: Final = 256 << 20
FLOOR_SHARE: Final = 0.01


class Health:
    """Whether the store may be written; the first error that leaves it unknown what is durable ends that for good.

    The kernel drops dirty pages once it has reported a failed fsync, so trying again would succeed without the bytes
    being there. *on_fatal* is called once, from the thread that met the error; only a restart makes the store writable.
    """

    def __init__(self, on_fatal: Callable[[], None] = lambda: None) -> None:
        self._on_fatal = on_fatal
        self._lock = threading.Lock()
        self._is_writable = True

    @property
    def is_writable(self) -> bool:
        """Whether nothing has gone wrong so far."""
        return self._is_writable

    def check_writable(self) -> None:
        """Refuse when the store has become read-only.

        Raises:
            StoreReadOnly: it has.
        """
        if not self._is_writable:
            raise StoreReadOnly(
                N_("The disk has reported an error, so nothing is changed until the server has been restarted."),
                fix=N_("Ask the administrator to look at the disk and to restart the server."),
            )

    def fail(self) -> None:
        """Make the store read-only."""
        with self._lock:
            is_first, self._is_writable = self._is_writable, False
        if is_first:
            self._on_fatal()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what the disk says during a write into a refusal.

        Raises:
            StoreFull: there is no room; what was written so far is of no use.
            StoreReadOnly: any other error, which makes the store read-only.
        """
        self.check_writable()
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise StoreFull(
                    N_("There is no room left on the disk."), fix=N_("Remove something or add storage, then try again.")
                ) from error
            self.fail()
            self.check_writable()


class Floor:
    """The free space that is never used up, so that the database and recovery have room to work in."""

    def __init__(self, place: Path, least_bytes: int = FLOOR_BYTES, least_share: float = FLOOR_SHARE) -> None:
        self._place = place
        self._least_bytes = least_bytes
        self._least_share = least_share

    def check(self, wanted_bytes: int = 0) -> None:
        """Refuse when less than the floor would be free once *wanted_bytes* more are stored.

        Raises:
            StoreFull: it is.
        """
        disk = os.statvfs(self._place)
        free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        least = max(self._least_bytes, int(total * self._least_share))
        if free - wanted_bytes < least:
            raise StoreFull(
                N_("Only {free_bytes} bytes are free, and {least_bytes} are kept so that the server can work."),
                fix=N_("Remove something or add storage, then try again."),
                free_bytes=free,
                least_bytes=least,
            )


_idle_blocks: deque[mmap.mmap] = deque(maxlen=_IDLE_BLOCKS)


def _take_block() -> mmap.mmap:
    """Return memory that O_DIRECT takes, aligned to pages; making it anew costs a short pack as much as filling it."""
    try:
        return _idle_blocks.pop()
    except IndexError:
        return mmap.mmap(-1, _BLOCK_BYTES)


class Spool:
    """A new file that is written from its start to its end.

    What fills whole MiB goes past the page cache where the file system allows it (open(2), O_DIRECT): nobody reads a
    spool soon, and a page that is not made costs no processor time. Not for several threads at once.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = open_new(path)
        self._block = _take_block()
        self._filled = 0
        self._has_begun = False

    def write(self, data: Buffer) -> None:
        """Take *data* as what comes next."""
        view = memoryview(data)
        while len(view) >= _BLOCK_BYTES - self._filled:
            taken = _BLOCK_BYTES - self._filled
            self._block[self._filled :] = view[:taken]
            view = view[taken:]
            self._write_block()
        end = self._filled + len(view)
        self._block[self._filled : end] = view
        self._filled = end

    def finish(self) -> None:
        """Write what is left and close the file, which is complete and not durable yet."""
        if self._has_begun:
            fcntl.fcntl(self._open(), fcntl.F_SETFL, 0)
        self._put(memoryview(self._block)[: self._filled])
        self.close()

    def close(self) -> None:
        """Close the file as it is."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            _idle_blocks.append(self._block)

    def _write_block(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._open(), fcntl.F_SETFL, os.O_DIRECT)
        self._put(memoryview(self._block))
        self._filled = 0

    def _put(self, view: memoryview) -> None:
        while view:
            try:
                written = os.write(self._open(), view)
            except OSError as error:
                # The file system takes the flag and not this write.
                if error.errno != errno.EINVAL or not fcntl.fcntl(self._open(), fcntl.F_GETFL) & os.O_DIRECT:
                    raise
                fcntl.fcntl(self._open(), fcntl.F_SETFL, 0)
            else:
                view = view[written:]

    def _open(self) -> int:
        if self._descriptor is None:
            raise ValueError("the file is finished")
        return self._descriptor


def open_new(path: Path) -> int:
    """Return a descriptor of a new file at *path* that only we may read; an existing file is an error."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def open_existing(path: Path) -> int:
    """Return a read-only descriptor of the file at *path*, never of what a symbolic link points to."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def sync_file(path: Path) -> None:
    """Make the bytes of the file at *path* durable."""
    descriptor = open_existing(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make the names in the directory *path* durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make *path* and what is missing above it, for us alone, each name durable in its parent."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    sync_directory(path.parent)


def write_file(path: Path, data: bytes) -> None:
    """Put *data* at *path* so that after a crash there is the old file or the new one, never a part."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = open_new(beside)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
