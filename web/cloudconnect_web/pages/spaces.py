"""Spaces as wholes, as people see them: which there are, what they take, and what can be done to them."""

from aiohttp import web

from cloudconnect.features.files import Space, SpaceKind
from cloudconnect.kernel.errors import Conflict, Invalid, NotFound
from cloudconnect.kernel.principal import Scope
from cloudconnect.kernel.text import N_, Text
from cloudconnect.kernel.units import parse_bytes
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import APPLIANCE, LANGUAGE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.files import used_words
from cloudconnect_web.pages.page import Notice, Page, base_url, read_form, redirect, render, space_of, space_url

_ROWS = 100


async def show_all(request: web.Request) -> web.StreamResponse:
    """List the spaces that one may see."""
    cursor = request.query.get("cursor") or None
    page = await request.app[APPLIANCE].spaces.find_spaces(request[PRINCIPAL], _ROWS, cursor, archived=True)
    return render(
        request,
        "spaces.html",
        spaces=[(each, used_words(request, each)) for each in page.items],
        next_cursor=page.next_cursor,
        may_create=_administers(request),
    )


async def create(request: web.Request) -> web.StreamResponse:
    """Make a space."""
    form = await read_form(request)
    try:
        made = await request.app[APPLIANCE].spaces.create(
            request[PRINCIPAL],
            form.get("name", ""),
            owner=form.get("owner", "").strip() or None,
            quota_bytes=_quota(form),
        )
    except (Conflict, Invalid, NotFound) as refusal:
        return redirect(request, "/spaces", Notice(_say(request, refusal.detail)))
    notice = Notice(_say(request, N_("The space “{name}” is made."), name=made.name))
    return redirect(request, space_url(made.id) if made.owner == request[PRINCIPAL].id else "/spaces", notice)


async def show(request: web.Request) -> web.StreamResponse:
    """Show what a space takes, and what can be done to it."""
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    space = await appliance.spaces.get_space(principal, space_of(request))
    return render(
        request,
        "space.html",
        space=space,
        used=used_words(request, space),
        usage=await appliance.accounting.find_footprint(principal, space.id, "/"),
        may_bound=_administers(request),
        is_personal=space.kind is SpaceKind.PERSONAL,
    )


async def change(request: web.Request) -> web.StreamResponse:
    """Rename a space, bound it, archive it or bring it back."""
    form = await read_form(request)
    try:
        notice = await _change(request, form)
    except (Conflict, Invalid) as refusal:
        notice = Notice(_say(request, refusal.detail))
    return redirect(request, base_url(request), notice)


async def _change(request: web.Request, form: dict[str, str]) -> Notice:
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    match form.get("act"):
        case "rename":
            changed = await appliance.spaces.change(principal, space_of(request), name=form.get("name", ""))
            words = _say(request, N_("It is called “{name}” now."), name=changed.value.name)
        case "quota":
            changed = await appliance.accounting.set_quota(principal, space_of(request), _quota(form))
            words = used_words(request, changed.value)
        case _:
            is_archived = form.get("act") == "archive"
            changed = await appliance.spaces.change(principal, space_of(request), archived=is_archived)
            words = _state(request, changed.value)
    return Notice(words, changed.undo)


def _state(request: web.Request, space: Space) -> str:
    words = N_("“{name}” may change again.") if space.archived is None else N_("“{name}” is archived.")
    return _say(request, words, name=space.name)


def _quota(form: dict[str, str]) -> int | None:
    text = form.get("quota", "").strip()
    return parse_bytes(text) if text else None


def _administers(request: web.Request) -> bool:
    return request[PRINCIPAL].is_admin and Scope.ADMIN in request[PRINCIPAL].scopes


def _say(request: web.Request, words: Text | str, **facts: str | int) -> str:
    return say(Text(words, facts) if facts and isinstance(words, str) else words, request[LANGUAGE])


PAGES = [
    Page(method="GET", path="/spaces", guard=Guard.READ, handler=show_all),
    Page(method="POST", path="/spaces", guard=Guard.ADMIN, handler=create),
    Page(method="GET", path="/spaces/{space}", guard=Guard.READ, handler=show),
    Page(method="POST", path="/spaces/{space}", guard=Guard.WRITE, handler=change),
]
