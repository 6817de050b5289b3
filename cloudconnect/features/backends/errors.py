"""What the backends room refuses."""

from cloudconnect.kernel.errors import Conflict, Invalid
from cloudconnect.kernel.text import N_


class BadName(Invalid):
    """A name for a backend that cannot be."""

    code = "backends.bad-name"
    title = N_("This name cannot be used")


class NameTaken(Conflict):
    """There is a backend of this name."""

    code = "backends.name-taken"
    title = N_("There is a storage of this name already")
