"""Refusals about spaces: their names, their quotas, their brakes."""

from cloudconnect.kernel.errors import (
    Conflict,
    Denied,
    Exhausted,
    Invalid,
    NoSpace,
    NotFound,
)
from cloudconnect.kernel.text import N_


class BadSpaceName(Invalid):
    """Not a name for a space."""

    code = "files.bad-space-name"
    title = N_("This cannot name a space")


class SpaceNameTaken(Conflict):
    """The owner has a space of this name already."""

    code = "files.space-name-taken"
    title = N_("This name is taken")


class NoSuchOwner(NotFound):
    """No account has the name of whom a space was to be made for."""

    code = "files.no-such-owner"
    title = N_("There is no such account")


class PersonalSpaceStays(Conflict):
    """A personal space cannot be archived."""

    code = "files.personal-space-stays"
    title = N_("A personal space stays")


class SpaceArchived(Denied):
    """The space is archived, so nothing in it may change."""

    code = "files.space-archived"
    title = N_("The space is archived")


class QuotaExceeded(NoSpace):
    """The space would hold more than it may."""

    code = "files.quota-exceeded"
    title = N_("The quota of the space is used up")


class BadQuota(Invalid):
    """Not an amount that can be a quota."""

    code = "files.bad-quota"
    title = N_("This cannot be a quota")


class Braked(Exhausted):
    """This session removed or overwrote so much that it may not write to the space until somebody has looked."""

    code = "files.braked"
    title = N_("This session was stopped from changing more")


class NoSuchBrake(NotFound):
    """No session was stopped by this one."""

    code = "files.no-such-brake"
    title = N_("There is no such brake")


class OwnBrake(Denied):
    """The session that was stopped would let itself go on."""

    code = "files.own-brake"
    title = N_("The session that was stopped cannot lift this")


class BadExpectation(Invalid):
    """Not a number of changes."""

    code = "files.bad-expectation"
    title = N_("This is not a number of changes")
