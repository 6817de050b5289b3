"""What the developer room refuses."""

from cloudconnect.kernel.errors import Denied, Invalid, NotFound, Unauthenticated
from cloudconnect.kernel.text import N_


class TokenEnded(Unauthenticated):
    """The token does not exist, was revoked, has ended, or its account is disabled."""

    code = "developer.token-ended"
    title = N_("This token is not valid")


class NoSuchToken(NotFound):
    """No token of this account has this id or name."""

    code = "developer.token-not-found"
    title = N_("There is no such token")


class UnknownScope(Invalid):
    """A scope that does not exist."""

    code = "developer.unknown-scope"
    title = N_("There is no such scope")


class ScopeTooWide(Denied):
    """A token can never do more than the one who makes it."""

    code = "developer.scope-too-wide"
    title = N_("You cannot give away a power that you do not have")
