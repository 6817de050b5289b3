"""Refusals about what is at a path, and what may go there."""

from cloudconnect.kernel.errors import (
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
)
from cloudconnect.kernel.text import N_


class BadPath(Invalid):
    """Not a path that a space can hold."""

    code = "files.bad-path"
    title = N_("This path cannot be used")


class BadMoment(Invalid):
    """Not a moment that we understand, or one that has not come yet."""

    code = "files.bad-moment"
    title = N_("This is not a moment")


class NoSuchEntry(NotFound):
    """Nothing is at this path, or nothing was at that moment."""

    code = "files.not-found"
    title = N_("There is no such file or folder")


class NotAFolder(Conflict):
    """A file stands where the path needs a folder."""

    code = "files.not-a-folder"
    title = N_("This is not a folder")


class NotAFile(Conflict):
    """A folder stands where a file is meant."""

    code = "files.not-a-file"
    title = N_("This is not a file")


class NoParent(Conflict):
    """The folder that this should go into does not exist."""

    code = "files.no-parent"
    title = N_("The folder does not exist")


class Exists(Conflict):
    """Something is at this path already."""

    code = "files.exists"
    title = N_("There is something at this place already")


class IntoItself(Conflict):
    """A folder cannot go below itself."""

    code = "files.into-itself"
    title = N_("A folder cannot be put into itself")


class RootStays(Conflict):
    """The root of a space can neither be moved, replaced nor removed."""

    code = "files.root-stays"
    title = N_("The root of a space stays where it is")


class Stale(PreconditionFailed):
    """The entry is not the one that the precondition names."""

    code = "files.stale"
    title = N_("It has changed since you looked")


class ConditionMissing(PreconditionRequired):
    """Replacing or removing needs to say what is expected to be there."""

    code = "files.condition-required"
    title = N_("Say which version you mean")


class NamedTwice(Invalid):
    """Two items of one request have the same path."""

    code = "files.named-twice"
    title = N_("Two of the items have the same path")


class NotSmall(TooLarge):
    """A file too long to come in with many others."""

    code = "files.not-small"
    title = N_("The file is too large for this")
