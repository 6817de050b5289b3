"""The methods that only look: OPTIONS, GET, HEAD and PROPFIND."""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from cloudconnect.features.files import Detail, DetailsService, Space, Wanted
from cloudconnect.kernel.paging import Page
from cloudconnect.kernel.text import N_
from cloudconnect_web import content
from cloudconnect_web.dav import answers
from cloudconnect_web.dav.address import Target, find_spaces
from cloudconnect_web.dav.asking import Ask
from cloudconnect_web.dav.clutter import is_clutter
from cloudconnect_web.dav.headers import Depth, parse_depth
from cloudconnect_web.dav.live import ALL, DAV, LIVE, Names, Properties, Shown
from cloudconnect_web.dav.reading import Element, read_xml
from cloudconnect_web.dav.writing import DECLARED
from cloudconnect_web.problems import BadRequest

METHODS: Final = (
    "OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, COPY, MOVE, PROPFIND, PROPPATCH, LOCK, UNLOCK"  # as Allow has it
)
OPTIONS_HEADERS: Final = {"DAV": "1, 2, 3", "MS-Author-Via": "DAV", "Allow": METHODS, "Accept-Ranges": "bytes"}
PROPERTIES_MOST: Final = 256
NAMES_MOST: Final = 16 << 10
"""How many properties may be asked for by name, and how long the names may be together: each entry answers for all."""

_ENTRIES_AT_ONCE = 500
_RICH_ENTRIES_AT_ONCE = 200
"""How many entries are looked up together; fewer where each may bring up to 64 KiB of what clients keep."""


async def options(request: web.Request) -> web.StreamResponse:
    """Say what this server speaks; Windows asks before it signs in, and at the root of the server too."""
    del request
    return web.Response(status=200, headers=OPTIONS_HEADERS)


async def get(ask: Ask) -> web.StreamResponse:
    """Send a file, whole or in ranges."""
    opened = await ask.appliance.files.open_file(ask.principal, ask.space, ask.target.path)
    return await content.send(ask.request, opened, inline=False)


async def propfind(ask: Ask) -> web.StreamResponse:
    """Show the properties of a file, or of a folder with what is in it (RFC 4918, section 9.1).

    Raises:
        Infinite: everything below it was asked for.
    """
    depth = parse_depth(ask.request, Depth.ALL, Depth.ITSELF, Depth.CHILDREN, Depth.ALL)
    shape = _shape(await read_xml(ask.request), is_minimal=_is_minimal(ask.request))
    if depth is Depth.ALL:
        raise answers.Infinite(fix=N_("Send Depth: 1 and ask for each folder by itself."))
    listing = _Listing(ask, shape)
    if ask.target.space is None:
        return await listing.show_spaces(depth)
    return await listing.show(ask.target.space, depth)


class _Listing:
    """What one PROPFIND shows, entry by entry."""

    def __init__(self, ask: Ask, shape: Properties | Names) -> None:
        self._ask = ask
        self._shape = shape
        self._wanted = Wanted(properties=shape.wants_dead, locks=shape.wants_locks, writable=shape.wants_rights)
        self._hides_clutter = ask.appliance.settings.webdav.clutter == "hide"
        self._now = ask.appliance.clock.now()

    async def show_spaces(self, depth: Depth) -> web.StreamResponse:
        """Answer for the list of spaces."""
        target = self._ask.target
        parts = [self._shape.response(Shown(target, "", None, None, self._now))]
        spaces = await find_spaces(self._ask.appliance, self._ask.principal) if depth is Depth.CHILDREN else {}
        for name, space in spaces.items():
            _, detail = await self._details.get_detail(self._ask.principal, space.id, "/", self._wanted)
            inside = target.into(name)
            parts.append(self._shape.response(Shown(inside, name, space, detail, self._now)))
        return answers.whole(f"<d:multistatus {DECLARED}>{''.join(parts)}</d:multistatus>")

    async def show(self, space_name: str, depth: Depth) -> web.StreamResponse:
        """Answer for an entry; what does not fit into one page is streamed."""
        ask = self._ask
        space, detail = await self._details.get_detail(ask.principal, space_name, ask.target.path, self._wanted)
        first = self._shape.response(Shown(ask.target, _name(ask.target, detail), space, detail, self._now))
        if depth is Depth.ITSELF or not detail.entry.is_folder:
            return answers.whole(f"<d:multistatus {DECLARED}>{first}</d:multistatus>")
        page = await self._page(space_name, None)
        if page.next_cursor is None:
            return answers.whole(f"<d:multistatus {DECLARED}>{first}{self._text(space, page)}</d:multistatus>")
        return await answers.stream(ask.request, self._pieces(space_name, space, first, page))

    @property
    def _details(self) -> DetailsService:
        return self._ask.appliance.details

    async def _pieces(self, space_name: str, space: Space, first: str, page: Page[Detail]) -> AsyncIterator[bytes]:
        yield answers.MULTI_START + first.encode() + self._text(space, page).encode()
        while page.next_cursor is not None:
            page = await self._page(space_name, page.next_cursor)
            yield self._text(space, page).encode()
        yield answers.MULTI_END

    async def _page(self, space_name: str, cursor: str | None) -> Page[Detail]:
        ask = self._ask
        limit = _RICH_ENTRIES_AT_ONCE if self._wanted.properties else _ENTRIES_AT_ONCE
        return await self._details.find_children(
            ask.principal, space_name, ask.target.path, self._wanted, limit=limit, cursor=cursor
        )

    def _text(self, space: Space, page: Page[Detail]) -> str:
        target, now, response = self._ask.target, self._now, self._shape.response
        return "".join(
            [
                response(Shown(target, each.entry.name, space, each, now))
                for each in page.items
                if not (self._hides_clutter and is_clutter(each.entry.name))
            ]
        )


def _shape(body: Element | None, *, is_minimal: bool) -> Properties | Names:
    """Return what the body of a PROPFIND asks for; no body asks for everything.

    Raises:
        BadRequest: the body is not a propfind element with one question in it.
    """
    if body is None:
        return Properties(ALL, with_dead=True, is_minimal=True)
    questions = [each for each in body.children if each.name in _QUESTIONS]
    if body.name != f"{DAV}propfind" or len(questions) != 1:
        raise BadRequest(N_("The body is no propfind."), fix=N_("Ask for allprop, propname or prop."))
    question = questions[0]
    if question.name == f"{DAV}propname":
        return Names()
    if question.name == f"{DAV}allprop":
        include = body.child(f"{DAV}include")
        more = [] if include is None else [each.name for each in include.children if each.name in LIVE]
        return Properties(tuple(dict.fromkeys((*ALL, *more))), with_dead=True, is_minimal=True)
    names = tuple(dict.fromkeys(each.name for each in question.children))
    if len(names) > PROPERTIES_MOST or sum(map(len, names)) > NAMES_MOST:
        raise BadRequest(
            N_("More than {most} properties are asked for."), fix=N_("Ask for fewer at once."), most=PROPERTIES_MOST
        )
    return Properties(names, with_dead=False, is_minimal=is_minimal)


def _is_minimal(request: web.Request) -> bool:
    """Tell whether the client wants to hear of what there is alone (RFC 8144, and the older Brief)."""
    preferred = request.headers.get("Prefer", "").replace(" ", "").split(",")
    return "return=minimal" in preferred or request.headers.get("Brief", "").strip().lower() == "t"


def _name(target: Target, detail: Detail) -> str:
    return target.mount.rpartition("/")[2] if detail.entry.path == "/" else detail.entry.name


_QUESTIONS = frozenset(f"{DAV}{name}" for name in ("allprop", "propname", "prop"))
