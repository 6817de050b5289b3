"""What the backends room refuses."""

from cloudconnect.kernel.errors import Conflict, Invalid, NotFound
from cloudconnect.kernel.text import N_


class BadName(Invalid):
    """A name for a backend that cannot be."""

    code = "backends.bad-name"
    title = N_("This name cannot be used")


class NameTaken(Conflict):
    """There is a backend of this name."""

    code = "backends.name-taken"
    title = N_("There is a storage of this name already")


class NoSuchBackend(NotFound):
    """There is no added backend of this name."""

    code = "backends.no-such-backend"
    title = N_("There is no such storage")


class BackendInUse(Conflict):
    """Packs lie in a backend, or new ones go there."""

    code = "backends.in-use"
    title = N_("The storage is in use")
