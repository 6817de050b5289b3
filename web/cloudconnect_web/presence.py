"""Whether a client is still there while something long is done for it."""

from collections.abc import Callable

from aiohttp import web


def watch(request: web.Request) -> Callable[[int], None]:
    """Return what long work calls as it goes on: it ends the work once the client of *request* has left.

    The function raises ConnectionResetError then; what it is told does not matter to it.
    """

    def check(_: int) -> None:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the client has left")

    return check
