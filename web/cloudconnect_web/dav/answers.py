"""What WebDAV answers: many statuses in one, and refusals in words that its clients show."""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from cloudconnect.kernel.errors import CloudConnectError, Denied, Invalid
from cloudconnect.kernel.text import N_
from cloudconnect_web.dav.writing import DECLARED, HEAD, escape
from cloudconnect_web.headers import add_headers
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import LANGUAGE
from cloudconnect_web.problems import status_of
from cloudconnect_web.watch import Watch

XML: Final = "application/xml; charset=utf-8"
MULTI_START = HEAD + f"<d:multistatus {DECLARED}>".encode()
MULTI_END = b"</d:multistatus>"

CONDITIONS: Final = {
    "files.locked": "lock-token-submitted",
    "files.lock-conflict": "no-conflicting-lock",
    "files.no-such-lock": "lock-token-matches-request-uri",
    "files.quota-exceeded": "quota-not-exceeded",
    "web.dav-infinite": "propfind-finite-depth",
}
"""The precondition of RFC 4918 (section 16) or RFC 4331 that a refusal amounts to, by its code."""

_SABRE = "http://sabredav.org/ns"


class Infinite(Denied):
    """A listing of a whole tree at once."""

    code = "web.dav-infinite"
    title = N_("Listing everything below a folder at once is not offered")


class BadBody(Invalid):
    """A body where none is expected, or another one than is expected."""

    code = "web.dav-bad-body"
    title = N_("This body does not belong here")


STATUS: Final = {
    "web.dav-bad-body": 415,
    "files.not-a-file": 405,
    "files.no-such-lock": 409,
    "files.root-stays": 403,
    "files.bad-checksum": 400,
    "files.checksum-mismatch": 400,
    "files.into-itself": 403,
}
"""Where WebDAV wants another status than the kind of a refusal has."""


def refuse(request: web.Request, refusal: CloudConnectError, status: int | None = None) -> web.Response:
    """Return *refusal* as the error element that WebDAV clients read; they show people the message in it."""
    language = request.get(LANGUAGE, "en")
    detail = say(refusal.detail, language)
    words = [detail if detail.endswith((".", "?", "!")) else f"{detail}."]
    words += [say(refusal.fix, language)] if refusal.fix is not None else []
    condition = CONDITIONS.get(refusal.code)
    element = f"<d:{condition}><d:href>{escape(request.rel_url.raw_path)}</d:href></d:{condition}>" if condition else ""
    body = (
        f'<d:error xmlns:d="DAV:" xmlns:s="{_SABRE}">{element}<s:exception>{refusal.code}</s:exception>'
        f"<s:message>{escape(' '.join(words))}</s:message></d:error>"
    )
    headers = {"Content-Type": XML}
    if refusal.retry_after_seconds is not None:
        headers["Retry-After"] = str(refusal.retry_after_seconds)
    return web.Response(
        body=HEAD + body.encode(),
        status=status or STATUS.get(refusal.code) or status_of(refusal),
        headers=headers,
    )


def whole(body: str, status: int = 207, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer whose XML is at hand."""
    return web.Response(body=HEAD + body.encode(), status=status, headers={"Content-Type": XML, **(headers or {})})


async def stream(request: web.Request, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """Send a multistatus of any length, piece by piece; what breaks it off cuts the connection."""
    response = web.StreamResponse(status=207, headers={"Content-Type": XML})
    add_headers(request, response)
    await response.prepare(request)
    try:
        with Watch(request) as watch:
            async for piece in pieces:
                await response.write(piece)
                watch.moved()
            await response.write_eof()
    except BaseException:
        # The head is out: cutting is the only way left to say that this is not all.
        if request.transport is not None:
            request.transport.abort()
        raise
    return response
