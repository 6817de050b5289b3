"""What all pages share: rendering, notices, redirections, and refusals as people see them."""

import base64
import binascii
import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from urllib.parse import quote as percent_encode

import jinja2
from aiohttp import web

from cloudconnect.features.files import PERSONAL, Entry, Space, SpaceKind
from cloudconnect.kernel.errors import CloudConnectError, NotFound, StepUp, Unauthenticated
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_, Text
from cloudconnect.kernel.units import exact_bytes
from cloudconnect_web.admission import is_secure
from cloudconnect_web.i18n import say, say_bytes
from cloudconnect_web.keys import LANGUAGE, PRINCIPAL, REQUEST_ID
from cloudconnect_web.operations import PREFIX, Guard
from cloudconnect_web.problems import BadRequest, status_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOTICE_COOKIE = "notice"
_NOTICE_MAX = 2_000
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""By the mark each leaves, the most particular first: most of them name others too."""
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page or the target of one of its forms.

    One about files is there for each space: at its path for the personal one, and below ``/spaces/SPACE`` for any.
    """

    method: str
    path: str
    guard: Guard
    handler: Handler
    in_space: bool = False

    @property
    def name(self) -> str:
        """The name of the route; ``page.`` tells it from operations."""
        return f"page.{self.handler.__module__.rpartition('.')[2]}.{self.handler.__name__}"

    @property
    def routes(self) -> dict[str, str]:
        """The paths at which it stands, by the names of their routes."""
        alone = {self.name: self.path}
        return alone | {f"{self.name}.of_space": f"/spaces/{{space}}{self.path}"} if self.in_space else alone


@dataclass(frozen=True, slots=True)
class Notice:
    """What has just been done, told once on the next page; with the token *undo* it can be taken back there."""

    text: str
    undo: str = ""


def is_page(route: str) -> bool:
    """Tell whether *route* names a page."""
    return route.startswith("page.")


def prefers_page(request: web.BaseRequest) -> bool:
    """Tell whether a person with a browser looks at an address, rather than a program."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api/")


def render(request: web.Request, template: str, *, status: int = 200, **facts: Any) -> web.Response:
    """Return the page *template* in the reader's language, filled with *facts*."""
    language = request.get(LANGUAGE, "en")
    notice = _read_notice(request)
    text = (
        _environment()
        .get_template(template)
        .render(
            _=functools.partial(say, language=language),
            language=language,
            principal=request.get(PRINCIPAL),
            notice=notice,
            assets=asset_names(),
            here=request.path_qs,
            path=request.path,
            base=base_url(request),
            **facts,
        )
    )
    response = web.Response(text=text, status=status, content_type="text/html")
    response.enable_compression()
    if notice is not None:
        response.del_cookie(NOTICE_COOKIE, path="/")
    return response


def redirect(request: web.Request, target: str, notice: Notice | None = None) -> web.Response:
    """Send the reader to *target*, a path of ours, where *notice* is told."""
    response = web.Response(status=303, headers={"Location": target})
    if notice is not None:
        text = json.dumps([notice.text, notice.undo]).encode()[:_NOTICE_MAX]
        response.set_cookie(
            NOTICE_COOKIE,
            base64.urlsafe_b64encode(text).decode(),
            max_age=60,
            httponly=True,
            samesite="Lax",
            secure=is_secure(request),
            path="/",
        )
    return response


def refuse_page(request: web.Request, refusal: CloudConnectError, *, status: int = 0) -> web.Response:
    """Return *refusal* as a page, with another *status* if one is given; strangers are sent to sign in and back."""
    if isinstance(refusal, Unauthenticated) and not isinstance(refusal, StepUp) and request.method in {"GET", "HEAD"}:
        return redirect(request, f"/sign-in?next={percent_encode(request.path_qs)}")
    language = request.get(LANGUAGE, "en")
    return render(
        request,
        "error.html",
        status=status or status_of(refusal),
        title=say(refusal.detail if status else refusal.title, language),
        detail=say(refusal.detail, language),
        fix=say(refusal.fix, language) if refusal.fix is not None else "",
        request_id=request.get(REQUEST_ID, ""),
        is_missing=isinstance(refusal, NotFound),
    )


def safe_target(target: str) -> str:
    """Return *target* if it is a path of ours, else the files (SECURITY G17: no redirection elsewhere)."""
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_ours else "/files/"


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the text fields of a form; files are left out.

    Raises:
        BadRequest: the body is no form.
    """
    try:
        fields = await request.post()
    except ValueError as error:
        raise BadRequest(N_("The form cannot be read."), fix=N_("Go back and send it again.")) from error
    return {name: value for name, value in fields.items() if isinstance(value, str)}


async def read_all(request: web.Request, name: str) -> list[str]:
    """Return every value of the field *name* of a form that ``read_form`` has read or can read."""
    await read_form(request)
    return [value for value in (await request.post()).getall(name, []) if isinstance(value, str)]


def space_of(request: web.Request) -> str:
    """Return the space that a page of files is about, as it was named; the personal one where none was."""
    return request.match_info.get("space", PERSONAL)


def base_url(request: web.BaseRequest) -> str:
    """Return what stands before the addresses of the space that *request* is about; empty for the personal one."""
    named = request.match_info.get("space") if isinstance(request, web.Request) else None
    return "" if named is None else space_url(named)


def space_url(space: str) -> str:
    """Return what stands before the addresses of *space*."""
    return f"/spaces/{percent_encode(space, safe='')}"


def file_url(request: web.BaseRequest, path: str) -> str:
    """Return the address of the page of *path*, in the space that *request* is about."""
    return f"{base_url(request)}/files/{percent_encode(path.strip('/'), safe='/')}"


def place_url(request: web.BaseRequest, space: Space, path: str) -> str:
    """Return the address of the page of *path* in *space*, whichever the request is about."""
    base = "" if is_own(request[PRINCIPAL], space) else space_url(space.id)
    return f"{base}/files/{percent_encode(path.strip('/'), safe='/')}"


def is_own(principal: Principal, space: Space) -> bool:
    """Tell whether *space* is the personal one of *principal*."""
    return space.kind is SpaceKind.PERSONAL and space.owner == principal.id


def parent_of(path: str) -> str:
    """Return the folder that *path* is in; the top one is its own."""
    return path.rstrip("/").rpartition("/")[0] or "/"


def crumbs_of(entry: Entry) -> list[tuple[str, str]]:
    """Return the names and the paths on the way down to *entry*."""
    names = entry.path.strip("/").split("/") if entry.path != "/" else []
    return [(name, "/" + "/".join(names[: count + 1])) for count, name in enumerate(names)]


def words(request: web.Request, message: Text | str, **facts: str | int) -> str:
    """Return *message*, filled with *facts*, in the reader's language."""
    return say(Text(message, facts) if facts and isinstance(message, str) else message, request[LANGUAGE])


def refusal_words(request: web.Request, refusal: CloudConnectError) -> str:
    """Return what was wrong, in the reader's language."""
    return say(refusal.detail, request[LANGUAGE])


@jinja2.pass_context
def _file_url(context: jinja2.runtime.Context, path: str) -> str:
    return f"{context['base']}/files/{percent_encode(path.strip('/'), safe='/')}"


@jinja2.pass_context
def _content_url(context: jinja2.runtime.Context, path: str, *, inline: bool = False) -> str:
    suffix = "?inline=true" if inline else ""
    space = context["base"] or space_url(PERSONAL)
    return f"{PREFIX}{space}/content/{percent_encode(path.strip('/'), safe='/')}{suffix}"


@jinja2.pass_context
def _bytes(context: jinja2.runtime.Context, count: int) -> str:
    return say_bytes(count, context["language"])


@jinja2.pass_context
def _space_name(context: jinja2.runtime.Context, space: Space) -> str:
    """Return what the reader calls *space*; one's own personal one bears the name of the account otherwise."""
    return say(N_("My files"), context["language"]) if is_own(context["principal"], space) else space.name


@functools.cache
def asset_names() -> dict[str, str]:
    """Return which built file stands for which source, such as ``app.css``; none when nothing was built."""
    manifest = resources.files("cloudconnect_web") / "static" / "manifest.json"
    if not manifest.is_file():
        return {}
    names: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))
    return {name: f"/static/{built}" for name, built in names.items()}


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cloudconnect_web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bytes"] = _bytes
    environment.filters["moment"] = _moment
    environment.filters["short"] = _short
    environment.filters["device"] = _device
    environment.filters["space_url"] = space_url
    environment.filters["space_name"] = _space_name
    environment.filters["exact_bytes"] = exact_bytes
    environment.filters["file_url"] = _file_url
    environment.filters["content_url"] = _content_url
    return environment


def _read_notice(request: web.Request) -> Notice | None:
    try:
        text, undo = json.loads(base64.urlsafe_b64decode(request.cookies.get(NOTICE_COOKIE, "")))
        return Notice(str(text), str(undo))
    except (ValueError, TypeError, binascii.Error):
        return None


def _device(user_agent: str) -> str:
    """Return what a person would call the device behind *user_agent*: ``Firefox · Windows``; else the text itself."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return " · ".join(part for part in (browser, system) if part) if browser else user_agent


def _moment(value: datetime | int) -> str:
    """Return a moment as a machine reads it; nanoseconds since 1970 are taken too."""
    if isinstance(value, int):
        value = datetime.fromtimestamp(min(max(value // 1_000_000_000, 0), 253_402_300_799), UTC)
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _short(value: datetime | int) -> str:
    """Return a moment as a person reads it, in UTC; the browser makes it local where it can."""
    return _moment(value)[:16].replace("T", " ")
