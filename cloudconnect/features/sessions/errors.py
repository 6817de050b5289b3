"""What the sessions room refuses."""

from cloudconnect.kernel.errors import NotFound, Unauthenticated
from cloudconnect.kernel.text import N_


class SessionEnded(Unauthenticated):
    """The session does not exist, has ended, or its account is disabled."""

    code = "sessions.ended"
    title = N_("Your session has ended")


class NoSuchSession(NotFound):
    """No session of this account has this id."""

    code = "sessions.not-found"
    title = N_("There is no such session")
