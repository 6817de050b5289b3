"""Refusals about tags, and about edits in bulk."""

from cloudconnect.kernel.errors import (
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
)
from cloudconnect.kernel.text import N_


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
