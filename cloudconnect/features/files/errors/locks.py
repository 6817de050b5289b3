"""Refusals about locks and properties."""

from cloudconnect.kernel.errors import (
    Conflict,
    Denied,
    Exhausted,
    Locked,
    NotFound,
    TooLarge,
)
from cloudconnect.kernel.text import N_


class EntryLocked(Locked):
    """Somebody else holds a lock that covers it."""

    code = "files.locked"
    title = N_("Somebody else has locked this")


class LockConflict(Locked):
    """The lock cannot stand beside one that is there already."""

    code = "files.lock-conflict"
    title = N_("There is a lock already")


class NoSuchLock(Conflict):
    """No lock of this token covers this entry."""

    code = "files.no-such-lock"
    title = N_("There is no such lock here")


class NoLock(NotFound):
    """The space has no such lock, or it has expired."""

    code = "files.lock-not-found"
    title = N_("There is no such lock")


class NotYourLock(Denied):
    """The lock is somebody else's."""

    code = "files.not-your-lock"
    title = N_("This lock is somebody else's")


class TooManyLocks(Exhausted):
    """Somebody holds as many locks as anybody may."""

    code = "files.too-many-locks"
    title = N_("There are too many locks")


class TooManyProperties(TooLarge):
    """More than what may be kept beside an entry."""

    code = "files.too-many-properties"
    title = N_("This is more than can be kept beside a file")
