"""What the access room refuses."""

from cloudconnect.kernel.errors import Denied, NotFound, StepUp
from cloudconnect.kernel.text import N_


class Unseen(NotFound):
    """There is nothing here for this principal: missing and hidden look the same."""

    code = "access.not-found"
    title = N_("Not found")


class Forbidden(Denied):
    """The resource is seen, but the role on it does not allow this."""

    code = "access.forbidden"
    title = N_("You may not do this")


class ScopeMissing(Denied):
    """The account may, but the token that was shown may not."""

    code = "access.scope-missing"
    title = N_("This token may not do this")


class NotAdministrator(Denied):
    """Only an administrator may do this."""

    code = "access.not-administrator"
    title = N_("Only an administrator may do this")


class ProofTooOld(StepUp):
    """An administrator signed in too long ago for an act that could take over an account."""

    code = "access.proof-too-old"
    title = N_("Please confirm that it is you")
