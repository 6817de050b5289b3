"""One's own account as people see it."""

from aiohttp import web

from cloudconnect.kernel.errors import Exhausted, Invalid, Unauthenticated
from cloudconnect.kernel.text import N_
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import APPLIANCE, LANGUAGE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import Notice, Page, read_form, redirect, render
from cloudconnect_web.problems import status_of


async def show(request: web.Request) -> web.StreamResponse:
    """Show one's account."""
    return await _show(request, "", 200)


async def change(request: web.Request) -> web.StreamResponse:
    """Change the display name or the password."""
    form = await read_form(request)
    auth, principal = request.app[APPLIANCE].auth, request[PRINCIPAL]
    try:
        if "display_name" in form:
            await auth.change_account(principal, principal.id, display_name=form["display_name"][:128])
        else:
            await auth.set_password(principal, principal.id, form.get("new", ""), form.get("current", ""))
    except (Invalid, Unauthenticated, Exhausted) as refusal:
        return await _show(request, say(refusal.detail, request[LANGUAGE]), status_of(refusal))
    return redirect(request, "/settings", Notice(say(N_("Saved."), request[LANGUAGE])))


async def _show(request: web.Request, problem: str, status: int) -> web.Response:
    principal = request[PRINCIPAL]
    account = await request.app[APPLIANCE].auth.get_account(principal, principal.id)
    return render(request, "settings.html", status=status, account=account, problem=problem)


PAGES = [
    Page(method="GET", path="/settings", guard=Guard.ACCOUNT, handler=show),
    Page(method="POST", path="/settings", guard=Guard.ACCOUNT, handler=change),
]
