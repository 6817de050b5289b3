"""Signing in and out."""

from aiohttp import web

from cloudconnect.features.auth import NewSession
from cloudconnect.kernel.clock import to_ms
from cloudconnect.kernel.errors import CloudConnectError, Exhausted, Invalid, Unauthenticated
from cloudconnect_web.admission import address_of, check_same_site, cookie_name, is_secure, marks_cookie_name
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import APPLIANCE, LANGUAGE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import Page, read_form, redirect, render, safe_target
from cloudconnect_web.problems import status_of

_MARKS_SECONDS = 400 * 24 * 3600  # the longest that browsers keep a cookie


async def start(request: web.Request) -> web.StreamResponse:
    """Send the reader to the files."""
    return redirect(request, "/files/")


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """Ask for name and password."""
    return render(request, "sign-in.html", name="", problem="", next=safe_target(request.query.get("next", "")))


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Open a session with what was typed."""
    check_same_site(request)
    form = await read_form(request)
    name, target = form.get("name", ""), safe_target(form.get("next", ""))
    try:
        opened = await request.app[APPLIANCE].auth.sign_in(
            name,
            form.get("password", ""),
            device=_device(request),
            address=address_of(request),
            marks=request.cookies.get(marks_cookie_name(request), ""),
        )
    except (Unauthenticated, Exhausted) as refusal:
        problem = say(refusal.detail, request[LANGUAGE])
        return render(request, "sign-in.html", status=status_of(refusal), name=name, problem=problem, next=target)
    return _welcome(request, opened, target)


async def show_link(request: web.Request) -> web.StreamResponse:
    """Ask for a click, so that a program that only looks at links does not use this one up."""
    return render(request, "link.html", token=request.query.get("token", ""))


async def use_link(request: web.Request) -> web.StreamResponse:
    """Open a session with a one-time link."""
    check_same_site(request)
    form = await read_form(request)
    opened = await request.app[APPLIANCE].auth.sign_in_by_link(
        form.get("token", ""),
        device=_device(request),
        address=address_of(request),
        marks=request.cookies.get(marks_cookie_name(request), ""),
    )
    return _welcome(request, opened, "/files/" if opened.account.has_password else "/welcome")


async def show_welcome(request: web.Request) -> web.StreamResponse:
    """Ask for a password after the first link."""
    return render(request, "welcome.html", problem="")


async def welcome(request: web.Request) -> web.StreamResponse:
    """Set the first password."""
    form = await read_form(request)
    principal = request[PRINCIPAL]
    try:
        await request.app[APPLIANCE].auth.set_password(principal, principal.id, form.get("password", ""), None)
    except (Invalid, Unauthenticated) as refusal:
        return render(request, "welcome.html", status=status_of(refusal), problem=_sentence(request, refusal))
    return redirect(request, "/files/")


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session."""
    await request.app[APPLIANCE].sessions.sign_out(request[PRINCIPAL])
    response = redirect(request, "/sign-in")
    response.del_cookie(cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="Lax")
    return response


def _welcome(request: web.Request, opened: NewSession, target: str) -> web.Response:
    response = redirect(request, target)
    lives = (to_ms(opened.session.expires) - to_ms(request.app[APPLIANCE].clock.now())) // 1000
    is_private = is_secure(request)
    response.set_cookie(
        cookie_name(request), opened.token, max_age=lives, path="/", secure=is_private, httponly=True, samesite="Lax"
    )
    response.set_cookie(
        marks_cookie_name(request),
        opened.marks,
        max_age=_MARKS_SECONDS,
        path="/",
        secure=is_private,
        httponly=True,
        samesite="Lax",
    )
    return response


def _sentence(request: web.Request, refusal: CloudConnectError) -> str:
    fix = f" {say(refusal.fix, request[LANGUAGE])}" if refusal.fix is not None else ""
    return say(refusal.detail, request[LANGUAGE]) + fix


def _device(request: web.Request) -> str:
    return request.headers.get("User-Agent", "")[:200]


PAGES = [
    Page(method="GET", path="/", guard=Guard.OPEN, handler=start),
    Page(method="GET", path="/sign-in", guard=Guard.OPEN, handler=show_sign_in),
    Page(method="POST", path="/sign-in", guard=Guard.OPEN, handler=sign_in),
    Page(method="GET", path="/sign-in/link", guard=Guard.OPEN, handler=show_link),
    Page(method="POST", path="/sign-in/link", guard=Guard.OPEN, handler=use_link),
    Page(method="GET", path="/welcome", guard=Guard.ACCOUNT, handler=show_welcome),
    Page(method="POST", path="/welcome", guard=Guard.ACCOUNT, handler=welcome),
    Page(method="POST", path="/sign-out", guard=Guard.SIGNED_IN, handler=sign_out),
]
