"""Signed-in devices as people see them."""

from aiohttp import web

from cloudconnect.kernel.ids import SessionId
from cloudconnect.kernel.text import N_, Text
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import APPLIANCE, LANGUAGE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import Notice, Page, read_form, redirect, render

_ROWS = 100


async def show(request: web.Request) -> web.StreamResponse:
    """List one's own devices."""
    cursor = request.query.get("cursor") or None
    page = await request.app[APPLIANCE].sessions.find_sessions(request[PRINCIPAL], _ROWS, cursor)
    return render(request, "sessions.html", sessions=page.items, next_cursor=page.next_cursor)


async def end(request: web.Request) -> web.StreamResponse:
    """End one device's session, or all others."""
    form = await read_form(request)
    sessions, principal = request.app[APPLIANCE].sessions, request[PRINCIPAL]
    if form.get("session") == "others":
        count = await sessions.revoke_others(principal)
    else:
        await sessions.revoke(principal, SessionId(form.get("session", "")))
        count = 1
    text = say(Text(N_("{count} signed out."), {"count": count}), request[LANGUAGE])
    return redirect(request, "/settings/sessions", Notice(text))


PAGES = [
    Page(method="GET", path="/settings/sessions", guard=Guard.ACCOUNT, handler=show),
    Page(method="POST", path="/settings/sessions", guard=Guard.ACCOUNT, handler=end),
]
