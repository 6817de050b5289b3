"""What the encryption room refuses."""

from cloudconnect.kernel.errors import Invalid, NotFound
from cloudconnect.kernel.text import N_


class NoKeysForSpace(NotFound):
    """There is no space of this id whose keys could be replaced or destroyed."""

    code = "encryption.no-such-space"
    title = N_("There is no such space")


class NoSuchCertificate(NotFound):
    """The keys of no such space were destroyed."""

    code = "encryption.no-such-certificate"
    title = N_("There is no such certificate")


class NoSuchServiceKey(NotFound):
    """There is no key of a service of this name."""

    code = "encryption.no-such-service-key"
    title = N_("There is no such key")


class BadSlot(Invalid):
    """What is said of a slot makes none."""

    code = "encryption.bad-slot"
    title = N_("Nothing can open the store in that way")
