"""What the monitoring room refuses."""

from cloudconnect.kernel.errors import Conflict, NotFound
from cloudconnect.kernel.text import N_


class NoSuchParkedFact(NotFound):
    """No listener gave up on this fact."""

    code = "monitoring.no-such-parked-fact"
    title = N_("There is no such parked fact")


class StillFails(Conflict):
    """A listener failed on the fact once more; it stays parked."""

    code = "monitoring.still-fails"
    title = N_("It failed once more")
