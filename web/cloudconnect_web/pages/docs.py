"""What the types of problems mean: the page that every problem's ``type`` points to."""

from collections.abc import Iterator

from aiohttp import web

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import LANGUAGE
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import Page, render


async def problems(request: web.Request) -> web.StreamResponse:
    """List every refusal with its code and what it means."""
    listed = [
        (kind.code, say(kind.title, request[LANGUAGE]), (kind.__doc__ or "").partition("\n")[0])
        for kind in sorted(_refusals(CloudConnectError), key=lambda kind: kind.code)
    ]
    return render(request, "problems.html", problems=listed)


def _refusals(kind: type[CloudConnectError]) -> Iterator[type[CloudConnectError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _refusals(each)


PAGES = [Page(method="GET", path="/docs/problems", guard=Guard.OPEN, handler=problems)]
