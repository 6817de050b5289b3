"""How much one address may have open at the same time, so that nobody can take every place."""

import asyncio
import functools
import ipaddress
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from cloudconnect.assembly import Settings
from cloudconnect.kernel.errors import Exhausted
from cloudconnect.kernel.text import N_

RETRY_SECONDS: Final = 10
"""After which a refused address is told to try again."""

_NETWORK_BITS: Final = 64  # of an IPv6 address, as much as one customer or one office has at least
_LONGEST_NAME: Final = 45


class TooManyAtOnce(Exhausted):
    """The address has as many connections as one address may have."""

    code = "web.too-many-at-once"
    title = N_("Too many connections at once")


class Crowd:
    """Counts what each address has open: connections, or the requests that a trusted proxy brings from it.

    Of an IPv6 address the first 64 bits count: whoever has one of them has all that begin so.
    """

    def __init__(self, most: int, refused: Callable[[], None]) -> None:
        """Let each address have *most* at the same time, 0 for any number; *refused* is called for each other one."""
        self._most = most
        self._refused = refused
        self._present: dict[str, int] = {}

    def enter(self, address: str) -> str:
        """Count one more of *address*, and return what to leave by.

        Raises:
            TooManyAtOnce: the address has as many as it may.
        """
        place = _place_of(address)
        present = self._present.get(place, 0)
        if self._most and present >= self._most:
            self._refused()
            raise TooManyAtOnce(
                N_("Your address has {most} connections open, which is as many as one may have."),
                fix=N_("Close some of them, or wait a moment."),
                retry_after_seconds=RETRY_SECONDS,
                most=self._most,
            )
        self._present[place] = present + 1
        return place

    def leave(self, place: str) -> None:
        """Count one less where :meth:`enter` counted one more."""
        left = self._present[place] - 1
        if left:
            self._present[place] = left
        else:
            del self._present[place]


class Turnstile:
    """Lets connections in as long as their address has not too many; sockets of this machine and proxies always."""

    def __init__(self, settings: Settings, refused: Callable[[], None]) -> None:
        self._crowd = Crowd(settings.server.connections_per_address, refused)
        self._is_trusted = trusting(settings)

    def enter(self, transport: asyncio.BaseTransport) -> str | None:
        """Count the peer of *transport*, and return what to leave by, None for one that is not counted.

        Raises:
            TooManyAtOnce: the address has as many connections as it may.
        """
        peer = transport.get_extra_info("peername")
        if not isinstance(peer, tuple) or self._is_trusted(peer[0]):
            return None
        return self._crowd.enter(peer[0])

    def leave(self, place: str) -> None:
        """Count one less."""
        self._crowd.leave(place)


def refusals(registry: CollectorRegistry) -> Callable[[], None]:
    """Return what counts refusals for the operator."""
    return Counter("http_crowded", "Connections and requests refused, as their address had many", registry=registry).inc


def trusting(settings: Settings) -> Callable[[str], bool]:
    """Return what tells whether an address is one of a trusted proxy."""
    networks = [ipaddress.ip_network(each, strict=False) for each in settings.server.trusted_proxies]

    @functools.lru_cache(maxsize=1_024)
    def is_trusted(address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in networks)

    return is_trusted


def _place_of(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:_LONGEST_NAME]
    if found.version == 4:  # noqa: PLR2004 - the version says it best
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _NETWORK_BITS), strict=False).network_address)
