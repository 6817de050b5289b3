"""Refusals about what was: the trash, versions, snapshots, and undoing."""

from cloudconnect.kernel.errors import (
    Conflict,
    Invalid,
    NotFound,
)
from cloudconnect.kernel.text import N_


class NotInTrash(NotFound):
    """The trash of this space holds no such thing."""

    code = "files.not-in-trash"
    title = N_("This is not in the trash")


class NoSuchVersion(NotFound):
    """The file has no such version."""

    code = "files.no-such-version"
    title = N_("There is no such version")


class VersionPruned(NotFound):
    """There was such a version; its content is no longer kept."""

    code = "files.version-pruned"
    title = N_("This version is no longer kept")


class VersionInUse(Conflict):
    """The version is what is there now, or somebody pinned it."""

    code = "files.version-in-use"
    title = N_("This version stays")


class BadPolicy(Invalid):
    """Not a policy for versions or for the trash."""

    code = "files.bad-policy"
    title = N_("This is not a policy")


class NothingToUndo(Conflict):
    """What is named changed nothing that could be taken back, or is taken back already."""

    code = "files.nothing-to-undo"
    title = N_("There is nothing to undo")


class CannotUndo(Conflict):
    """Some of it was changed later, or is no longer kept; nothing was done."""

    code = "files.cannot-undo"
    title = N_("This cannot be undone as a whole")


class UndoExpired(Conflict):
    """The change is older than what can be undone."""

    code = "files.undo-expired"
    title = N_("This change is too old to be undone")


class BadUndoToken(Invalid):
    """Not what a change answered."""

    code = "files.bad-undo-token"
    title = N_("This does not name a change")


class Unbounded(Invalid):
    """All changes of everybody are named, which nobody means."""

    code = "files.unbounded"
    title = N_("This names every change there ever was")


class NoSuchSnapshot(NotFound):
    """No snapshot of this space has that name."""

    code = "files.no-such-snapshot"
    title = N_("There is no such snapshot")


class SnapshotExists(Conflict):
    """Another snapshot of the space has this name."""

    code = "files.snapshot-exists"
    title = N_("There is a snapshot of this name already")


class BadSnapshotName(Invalid):
    """Not a name that a snapshot can have."""

    code = "files.bad-snapshot-name"
    title = N_("This cannot be the name of a snapshot")
