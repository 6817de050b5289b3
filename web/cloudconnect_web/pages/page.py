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

from cloudconnect.kernel.errors import CloudConnectError, NotFound, StepUp, Unauthenticated
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect_web.admission import is_secure
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import LANGUAGE, PRINCIPAL, REQUEST_ID
from cloudconnect_web.operations import Guard
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
    """A page or the target of one of its forms."""

    method: str
    path: str
    guard: Guard
    handler: Handler

    @property
    def name(self) -> str:
        """The name of the route; ``page.`` tells it from operations."""
        return f"page.{self.handler.__module__.rpartition('.')[2]}.{self.handler.__name__}"


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


def file_url(path: str) -> str:
    """Return the address of the page of *path*."""
    return f"/files/{percent_encode(path.strip('/'), safe='/')}"


def content_url(path: str, *, inline: bool = False) -> str:
    """Return the address of the content of *path*."""
    suffix = "?inline=true" if inline else ""
    return f"/api/v1/spaces/personal/content/{percent_encode(path.strip('/'), safe='/')}{suffix}"


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
    environment.filters["bytes"] = format_bytes
    environment.filters["moment"] = _moment
    environment.filters["short"] = _short
    environment.filters["device"] = _device
    environment.filters["file_url"] = file_url
    environment.filters["content_url"] = content_url
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
