"""What desktops leave in every folder that they look at, and what becomes of it here (setting ``webdav.clutter``)."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from cloudconnect.kernel.errors import Denied, NotFound
from cloudconnect.kernel.text import N_
from cloudconnect_web import content
from cloudconnect_web.dav import answers
from cloudconnect_web.dav.asking import Ask
from cloudconnect_web.dav.reading import read_xml
from cloudconnect_web.dav.writing import DECLARED

NAMES: Final = frozenset(
    {".ds_store", ".spotlight-v100", ".trashes", ".temporaryitems", ".fseventsd", ".apdisk", "thumbs.db", "ehthumbs.db"}
)
_LOOKING = frozenset({"GET", "HEAD", "PROPFIND"})
_WRITING = frozenset({"PUT", "MKCOL", "LOCK", "PROPPATCH"})

Method = Callable[[Ask], Awaitable[web.StreamResponse]]


class ClutterRefused(Denied):
    """A file of the kind that this server does not take."""

    code = "web.dav-clutter"
    title = N_("This server does not take such files")


def is_clutter(path: str) -> bool:
    """Tell whether the last name of *path* is one under which desktops keep their own notes."""
    name = path.rpartition("/")[2].lower()
    return name.startswith("._") or name in NAMES


def is_in_clutter(path: str) -> bool:
    """Tell whether any name on *path* is one under which desktops keep their own notes."""
    return any(is_clutter(name) for name in path.split("/"))


async def answer(ask: Ask) -> web.StreamResponse | None:
    """Answer for clutter as the setting says: hide it, refuse it, or None where the request is for the tree.

    What is hidden is taken, as desktops give up otherwise, and never there for anybody who looks.

    Raises:
        ClutterRefused: it is not taken.
        NotFound: somebody looks for what is hidden.
    """
    setting = ask.appliance.settings.webdav.clutter
    if setting == "keep" or not is_in_clutter(ask.target.path):
        return None
    if setting == "refuse":
        if ask.request.method in _WRITING:
            raise _refusal()
        return None
    if ask.request.method in _LOOKING:
        raise NotFound(N_("There is nothing here, or nothing that you may see."))
    return await _PRETENDED.get(ask.request.method, _done)(ask)


def check_destination(ask: Ask, path: str) -> None:
    """Return unless *path*, where something is to go, is a place for clutter that is not kept.

    Raises:
        ClutterRefused: it is.
    """
    if ask.appliance.settings.webdav.clutter != "keep" and is_in_clutter(path):
        raise _refusal()


def _refusal() -> ClutterRefused:
    return ClutterRefused(fix=N_("Tell the desktop not to write them to network drives."))


async def _drop(ask: Ask) -> web.StreamResponse:
    async for _ in content.receive(ask.request):
        pass
    return web.Response(status=201)


async def _done(ask: Ask) -> web.StreamResponse:
    del ask
    return web.Response(status=204)


async def _made(ask: Ask) -> web.StreamResponse:
    del ask
    return web.Response(status=201)


async def _patched(ask: Ask) -> web.StreamResponse:
    await read_xml(ask.request)
    href = ask.target.href(ask.target.path, is_folder=False)
    return answers.whole(
        f"<d:multistatus {DECLARED}><d:response><d:href>{href}</d:href><d:status>HTTP/1.1 200 OK</d:status>"
        "</d:response></d:multistatus>"
    )


async def _locked(ask: Ask) -> web.StreamResponse:
    await read_xml(ask.request)
    token = f"opaquelocktoken:{secrets.token_hex(16)}"
    active = (
        "<d:activelock><d:locktype><d:write/></d:locktype><d:lockscope><d:exclusive/></d:lockscope><d:depth>0</d:depth>"
        f"<d:timeout>Second-600</d:timeout><d:locktoken><d:href>{token}</d:href></d:locktoken></d:activelock>"
    )
    body = f"<d:prop {DECLARED}><d:lockdiscovery>{active}</d:lockdiscovery></d:prop>"
    return answers.whole(body, 201, {"Lock-Token": f"<{token}>"})


_PRETENDED: Mapping[str, Method] = {
    "PUT": _drop,
    "MKCOL": _made,
    "COPY": _made,
    "MOVE": _made,
    "PROPPATCH": _patched,
    "LOCK": _locked,
}
