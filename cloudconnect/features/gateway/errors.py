"""What the gateway room refuses."""

from cloudconnect.kernel.errors import Busy, Invalid
from cloudconnect.kernel.text import N_


class KeyReused(Invalid):
    """An idempotency key stands for another request already."""

    code = "gateway.key-reused"
    title = N_("This idempotency key belongs to another request")


class KeyInFlight(Busy):
    """The first request with this idempotency key has not been answered yet."""

    code = "gateway.key-in-flight"
    title = N_("The same request is being worked on")
