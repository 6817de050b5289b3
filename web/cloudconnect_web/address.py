"""Where the daemon listens, and at which address people reach it."""

import ipaddress

from cloudconnect.assembly import Settings
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_


class UnsafeListen(Invalid):
    """The daemon would take passwords over a network in the clear."""

    code = "web.unsafe-listen"
    title = N_("Listening there would not be safe")


def parse_listen(settings: Settings) -> tuple[str, int]:
    """Return host and port to listen on.

    Raises:
        UnsafeListen: the host lies beyond this machine, there is no TLS, and nobody said that this is wanted.
    """
    host, _, port = settings.server.listen.rpartition(":")
    host = host.strip("[]")
    is_local = host == "localhost" or (_is_loopback(host))
    if not is_local and not settings.server.tls_certificate and not settings.server.insecure_lan:
        raise UnsafeListen(
            N_("{listen} is not this machine, and without TLS passwords cross the network readable."),
            fix=N_("Set server.tls_certificate and server.tls_key, or server.insecure_lan = true."),
            listen=settings.server.listen,
        )
    return host, int(port)


def address(settings: Settings) -> str:
    """Return the address at which people reach the daemon: ``server.public_url``, else where it listens."""
    scheme = "https" if settings.server.tls_certificate else "http"
    return settings.server.public_url or f"{scheme}://{settings.server.listen}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
