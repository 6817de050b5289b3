"""Files that the build made: names hold a hash of the content, so browsers keep them for good."""

import mimetypes
import re
from importlib import resources

from aiohttp import web

from cloudconnect_web.headers import add_headers

_NAME = re.compile(r"[A-Za-z0-9_-]+\.[0-9a-f]{12}\.[a-z0-9]+")
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


async def send(request: web.Request) -> web.StreamResponse:
    """Send a built file, compressed if the browser takes that."""
    name = request.match_info["name"]
    place = resources.files("cloudconnect_web") / "static"
    if _NAME.fullmatch(name) is None or not (place / name).is_file():
        raise web.HTTPNotFound
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    fields = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    accepted = request.headers.get("Accept-Encoding", "")
    for encoding, suffix in _ENCODINGS:
        packed = place / f"{name}{suffix}"
        if encoding in accepted and packed.is_file():
            fields["Content-Encoding"] = encoding
            return _respond(request, packed.read_bytes(), media_type, fields)
    return _respond(request, (place / name).read_bytes(), media_type, fields)


def _respond(request: web.Request, body: bytes, media_type: str, fields: dict[str, str]) -> web.Response:
    response = web.Response(body=body, content_type=media_type, headers=fields)
    add_headers(request, response)
    return response
