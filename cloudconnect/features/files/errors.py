"""What the files room refuses."""

from cloudconnect.kernel.errors import (
    Conflict,
    Invalid,
    NoSpace,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
)
from cloudconnect.kernel.text import N_


class NoSuchEntry(NotFound):
    """Nothing is at this path, or nothing was at that moment."""

    code = "files.not-found"
    title = N_("There is no such file or folder")


class NotInTrash(NotFound):
    """The trash of this space holds no such thing."""

    code = "files.not-in-trash"
    title = N_("This is not in the trash")


class Exists(Conflict):
    """Something is at this path already."""

    code = "files.exists"
    title = N_("There is something at this place already")


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


class NotSmall(TooLarge):
    """A file too long to come in with many others."""

    code = "files.not-small"
    title = N_("The file is too large for this")


class QuotaExceeded(NoSpace):
    """The space would hold more than it may."""

    code = "files.quota-exceeded"
    title = N_("The quota of the space is used up")


class BadQuota(Invalid):
    """Not an amount that can be a quota."""

    code = "files.bad-quota"
    title = N_("This cannot be a quota")


class BadTag(Invalid):
    """Not a tag that an entry of this space can have."""

    code = "files.bad-tag"
    title = N_("This cannot be a tag")


class BadField(Invalid):
    """Not a field that a space can have."""

    code = "files.bad-field"
    title = N_("This cannot be a field")


class NoSuchTag(NotFound):
    """The entry has no such tag."""

    code = "files.no-such-tag"
    title = N_("There is no such tag")


class NoSuchField(NotFound):
    """The space has no such field."""

    code = "files.no-such-field"
    title = N_("There is no such field")


class BadEdit(Invalid):
    """Not something that can be done to everything that a selection selects."""

    code = "files.bad-edit"
    title = N_("This cannot be done in bulk")


class TooMany(TooLarge):
    """More is selected than one edit takes."""

    code = "files.too-many"
    title = N_("Too much is selected")


class PlanMissing(PreconditionRequired):
    """An edit in bulk without the plan that says what it would do."""

    code = "files.plan-required"
    title = N_("Make a plan first")


class PlanDrifted(PreconditionFailed):
    """What an edit in bulk would do is not what its plan said."""

    code = "files.plan-drifted"
    title = N_("The plan does not hold any more")


class NamedTwice(Invalid):
    """Two items of one request have the same path."""

    code = "files.named-twice"
    title = N_("Two of the items have the same path")


class BadPath(Invalid):
    """Not a path that a space can hold."""

    code = "files.bad-path"
    title = N_("This path cannot be used")


class BadMoment(Invalid):
    """Not a moment that we understand, or one that has not come yet."""

    code = "files.bad-moment"
    title = N_("This is not a moment")
