"""Which addresses speak WebDAV, and who may pass."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect_web.dav import answers, changing, chunking, clutter, locking, looking, patching
from cloudconnect_web.dav.address import FILES_ALIAS, PERSONAL_ALIAS, ROOT
from cloudconnect_web.dav.asking import Ask, take
from cloudconnect_web.operations import Guard

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Method = Callable[[Ask], Awaitable[web.StreamResponse]]

_LOOKING: Mapping[str, Method] = {"GET": looking.get, "HEAD": looking.get, "PROPFIND": looking.propfind}
_CHANGING: Mapping[str, Method] = {
    "PUT": changing.put,
    "MKCOL": changing.mkcol,
    "DELETE": changing.delete,
    "COPY": changing.copy,
    "MOVE": changing.move,
    "PROPPATCH": patching.proppatch,
    "LOCK": locking.lock,
    "UNLOCK": locking.unlock,
}


@dataclass(frozen=True, slots=True)
class Route:
    """An address, the methods it takes, and the guard before them."""

    name: str
    path: str
    methods: tuple[str, ...]
    guard: Guard
    handler: Handler


def _handler(methods: Mapping[str, Method]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            ask = await take(request)
            return await clutter.answer(ask) or await methods[request.method](ask)
        except CloudConnectError as refusal:
            return answers.refuse(request, refusal)

    return handle


def _routes() -> list[Route]:
    looking_handler, changing_handler = _handler(_LOOKING), _handler(_CHANGING)
    routes = [Route("dav_options_root", "/", ("OPTIONS",), Guard.OPEN, looking.options)]
    for kind, root in (("dav", ROOT), ("dav_files", FILES_ALIAS), ("dav_personal", PERSONAL_ALIAS)):
        for part, path in (("", root), ("_below", root + "/{address:[\\s\\S]*}")):
            routes += [
                Route(f"{kind}_options{part}", path, ("OPTIONS",), Guard.OPEN, looking.options),
                Route(f"{kind}_look{part}", path, tuple(_LOOKING), Guard.READ, looking_handler),
                Route(f"{kind}_change{part}", path, tuple(_CHANGING), Guard.WRITE, changing_handler),
            ]
    folder = chunking.ROOT + "/{user}/{folder}"
    routes += [
        Route("dav_chunks", folder + "{slash:/?}", ("MKCOL", "PROPFIND", "DELETE"), Guard.WRITE, chunking.handle),
        Route("dav_chunk", folder + "/{chunk}", ("PUT", "MOVE", "DELETE"), Guard.WRITE, chunking.handle),
    ]
    return routes


ROUTES = _routes()
