"""One daemon at a time over one data directory."""

import fcntl
import os
from pathlib import Path

from cloudconnect.kernel.errors import Busy, Unavailable
from cloudconnect.kernel.text import N_


class AlreadyRunning(Busy):
    """Another process serves this data directory."""

    code = "database.already-running"
    title = N_("CloudConnect is running already")


class HomeNotWritable(Unavailable):
    """The data directory cannot be written."""

    code = "database.home-not-writable"
    title = N_("The data directory cannot be written")


class HomeLock:
    """A lock on a data directory that ends with the process, however it ends."""

    def __init__(self, home: Path) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another process holds it; its id is in the facts.
            HomeNotWritable: the directory is read-only, or somebody else's.
        """
        path = home / "lock"
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise HomeNotWritable(
                N_("{home} cannot be written: {reason}."),
                fix=N_("Make it writable for the user that the daemon runs as, and see that its disk is healthy."),
                home=str(home),
                reason=error.strerror or str(error),
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise AlreadyRunning(
                N_("Process {owner} serves {home}."),
                fix=N_("Use that one, or end it first."),
                owner=owner or "?",
                home=str(home),
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the lock go."""
        os.close(self._descriptor)
