"""Passwords for apps: what somebody gives to a program instead of the own password, and takes away again."""

from aiohttp import web

from cloudconnect.features.developer import Token
from cloudconnect.kernel.principal import Scope
from cloudconnect.kernel.text import N_
from cloudconnect_web.admission import is_secure
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import APPLIANCE, LANGUAGE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import Notice, Page, read_form, redirect, render
from cloudconnect_web.problems import BadRequest

_ROWS = 100
_NAME_MAX = 100
_DAYS = frozenset({30, 365})
_SCOPES = {
    "write": (Scope.FILES_READ, Scope.FILES_WRITE),
    "read": (Scope.FILES_READ,),
}
"""What a program may do, in words of the form."""


async def show(request: web.Request) -> web.StreamResponse:
    """List one's own app passwords."""
    return await _show(request, made=None)


async def change(request: web.Request) -> web.StreamResponse:
    """Make an app password, which is shown in this answer alone, or take one away."""
    form = await read_form(request)
    developer, principal = request.app[APPLIANCE].developer, request[PRINCIPAL]
    if "revoke" in form:
        await developer.revoke_token(principal, form["revoke"])
        text = say(N_("The app password holds no longer."), request[LANGUAGE])
        return redirect(request, "/settings/apps", Notice(text))
    name, days = form.get("name", "").strip(), form.get("days", "")
    if not name or len(name) > _NAME_MAX or form.get("may") not in _SCOPES or days not in {"", *map(str, _DAYS)}:
        raise BadRequest(N_("The form is not filled in."), fix=N_("Say for which app it is and what it may do."))
    return await _show(
        request, made=await developer.add_token(principal, name, _SCOPES[form["may"]], int(days) if days else None)
    )


async def _show(request: web.Request, made: tuple[str, Token] | None) -> web.Response:
    cursor = request.query.get("cursor") or None
    page = await request.app[APPLIANCE].developer.find_tokens(request[PRINCIPAL], _ROWS, cursor)
    return render(
        request,
        "apps.html",
        status=200 if made is None else 201,
        made=made,
        tokens=page.items,
        next_cursor=page.next_cursor,
        dav=f"{'https' if is_secure(request) else 'http'}://{request.host}/dav/personal/",
    )


PAGES = [
    Page(method="GET", path="/settings/apps", guard=Guard.ACCOUNT, handler=show),
    Page(method="POST", path="/settings/apps", guard=Guard.ACCOUNT, handler=change),
]
