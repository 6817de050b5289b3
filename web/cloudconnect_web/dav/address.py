"""Where a WebDAV address leads: which space, which path in it, and how the way back is written."""

import functools
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from aiohttp import web

from cloudconnect.assembly import Appliance
from cloudconnect.features.files import PERSONAL, Space
from cloudconnect.kernel.errors import Denied, NotFound
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect_web.keys import APPLIANCE, PRINCIPAL
from cloudconnect_web.problems import BadRequest

ROOT = "/dav"
FILES_ALIAS = "/remote.php/dav/files"
PERSONAL_ALIAS = "/remote.php/webdav"
"""Where clients made for Nextcloud look for one's own files."""

_SAFE = "/!$'()*+,;=:@~"
_ESCAPES = {code: quote(chr(code), safe=_SAFE) for code in range(128)}
_SPACES_MOST = 1_000


class Elsewhere(Denied):
    """A destination that is not on this server, or not in any space."""

    code = "web.dav-elsewhere"
    title = N_("The destination lies elsewhere")


@dataclass(frozen=True, slots=True)
class Target:
    """A place that a WebDAV address names.

    ``mount`` is the address of the root of its space, percent-encoded and without a slash at the end; ``path`` the path
    in the space. The list of all spaces has no space.
    """

    mount: str
    space: str | None
    path: str

    @property
    def is_root(self) -> bool:
        """Whether this is the root of a space, or the list of spaces."""
        return self.path == "/"

    def into(self, name: str) -> "Target":
        """Return the root of the space that the list of spaces calls *name*."""
        return Target(f"{self.mount}/{quote(name, safe='')}", name, "/")

    def href(self, path: str, *, is_folder: bool) -> str:
        """Return the address of *path* in the same space; that of a folder ends with a slash."""
        return f"{self.mount}{encode(path)}{'/' if is_folder and path != '/' else ''}"


async def find_target(request: web.Request) -> Target:
    """Return what the address of *request* names.

    Raises:
        NotFound: the space is not there or not to be seen.
    """
    return await _resolve(request.app[APPLIANCE], request[PRINCIPAL], request.path)


async def find_destination(request: web.Request) -> Target:
    """Return what the Destination field of *request* names (RFC 4918, section 10.3).

    Raises:
        BadRequest: the field is missing or is no address.
        Elsewhere: it is an address of another server, or in no space.
    """
    text = request.headers.get("Destination", "")
    try:
        parts = urlsplit(text)
        host = parts.hostname
        path = _decode(parts.path)
    except ValueError as error:
        raise _bad_destination() from error
    if not path.startswith("/") or parts.query or parts.fragment:
        raise _bad_destination()
    if host is not None and not _is_ours(request, host):
        raise Elsewhere(N_("“{host}” is another server."), fix=N_("Copy it there with the client."), host=host[:255])
    target = await _resolve(request.app[APPLIANCE], request[PRINCIPAL], path)
    if target.space is None:
        raise Elsewhere(N_("The destination is in no space."), fix=N_("Name a space and a path in it."))
    return target


async def resolve_url(request: web.Request, url: str) -> Target | None:
    """Return what an address in an If field names, None if it is no address of ours."""
    try:
        parts = urlsplit(url)
        path = _decode(parts.path)
        if parts.hostname is not None and not _is_ours(request, parts.hostname):
            return None
        return await _resolve(request.app[APPLIANCE], request[PRINCIPAL], path)
    except (ValueError, NotFound):
        return None


def encode(path: str) -> str:
    """Return *path* percent-encoded; what is left as it is needs no escape in XML either."""
    # A table is eight times as fast as quote, which matters to long listings.
    return path.translate(_ESCAPES) if path.isascii() else quote(path, safe=_SAFE)


def segment(space: Space, principal: Principal) -> str:
    """Return the name under which *space* stands in the list of spaces: its own if that can be one, else its id."""
    if space.owner == principal.id and space.kind == PERSONAL:
        return PERSONAL
    return space.id if "/" in space.name or space.name in {"", ".", "..", PERSONAL} else space.name


async def find_spaces(appliance: Appliance, principal: Principal) -> dict[str, Space]:
    """Return the spaces that *principal* may see by the name each has in the list.

    Of two equal names one's own wins, else the older; the other one stands there by its id. At most 1,000 are listed,
    the oldest.
    """
    found: dict[str, Space] = {}
    seen = (await appliance.spaces.find_spaces(principal, _SPACES_MOST, None)).items
    for space in sorted(seen, key=lambda each: (each.owner != principal.id, each.id)):
        name = segment(space, principal)
        found[space.id if name in found else name] = space
    return found


def _decode(path: str) -> str:
    """Return *path* without its percent-encoding.

    Raises:
        ValueError: it is no UTF-8, encoded or as it stands.
    """
    decoded = unquote(path, errors="strict")
    # A field holds bytes that are no UTF-8 as lone surrogates, which no name can have.
    decoded.encode()
    return decoded


async def _resolve(appliance: Appliance, principal: Principal, whole: str) -> Target:
    """Return the target of a decoded address that lies below one of the three roots."""
    for root in (ROOT, FILES_ALIAS, PERSONAL_ALIAS):
        if whole == root or whole.startswith(root + "/"):
            rest = whole[len(root) :]
            break
    else:
        raise NotFound(N_("There is nothing at this address."))
    # Whether a space is there for this principal is for the room to say, when something in it is asked for.
    find_id = functools.partial(appliance.spaces.find_id, principal)
    if root == PERSONAL_ALIAS:
        return Target(root, await find_id(PERSONAL), _path(rest))
    name, _, path = rest.lstrip("/").partition("/")
    if not name:
        return Target(root, None, "/")
    mount = f"{root}/{quote(name, safe='')}"
    if root == FILES_ALIAS:
        if name.lower() != principal.name:
            raise NotFound(N_("There is nothing here, or nothing that you may see."))
        return Target(mount, await find_id(PERSONAL), _path(path))
    return Target(mount, await find_id(name), _path(path))


def _path(rest: str) -> str:
    return "/" + rest.strip("/")


def _is_ours(request: web.Request, host: str) -> bool:
    """Tell whether *host* is one by which this server is reached; a proxy may have changed the Host field."""
    public = urlsplit(request.app[APPLIANCE].settings.server.public_url).hostname
    named = {name.lower() for name in request.app[APPLIANCE].settings.server.allowed_hosts}
    return host.lower() in {urlsplit(f"//{request.host}").hostname, public, *named}


def _bad_destination() -> BadRequest:
    return BadRequest(N_("The Destination field names no place."), fix=N_("Send the whole address, percent-encoded."))
