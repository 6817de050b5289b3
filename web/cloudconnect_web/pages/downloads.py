"""Getting folders, or several files at once, as one archive."""

from aiohttp import web

from cloudconnect_web import content
from cloudconnect_web.keys import APPLIANCE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import Page, space_of
from cloudconnect_web.zipping import open_zip

_PATHS = 1_000


async def download(request: web.Request) -> web.StreamResponse:
    """Send what is chosen as one archive, as it is now or was then."""
    paths = list(dict.fromkeys(request.query.getall("path", ["/"])))[:_PATHS]
    at = request.query.get("at") or None
    archive = await open_zip(request.app[APPLIANCE], request[PRINCIPAL], space_of(request), paths, at)
    return await content.send_zip(request, archive)


PAGES = [
    Page(method="GET", path="/zip", guard=Guard.READ, handler=download, in_space=True),
]
