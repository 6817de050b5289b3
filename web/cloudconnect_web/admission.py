"""Who is at the door: credentials, the local administrator, cross-site requests, and the guard of each route."""

import base64
import os
import socket
import struct

from aiohttp import web

from cloudconnect.assembly import Appliance
from cloudconnect.kernel.errors import Denied, Unauthenticated
from cloudconnect.kernel.principal import Principal, Scope
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.tokens import TokenKind, token_kind
from cloudconnect_web.keys import ADDRESS, APPLIANCE, CHALLENGE, SCHEME, TOKEN
from cloudconnect_web.operations import Guard

SECURE_COOKIE = "__Host-cc"
PLAIN_COOKIE = "cc"
"""The cookie where there is no TLS: browsers refuse the other one there."""

PAGE_HEADER = "X-CloudConnect"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_PEER = struct.Struct("3i")


class CrossSite(Denied):
    """A page of another site sent a request with this site's cookie."""

    code = "web.cross-site"
    title = N_("This request came from another site")


class NotAllowed(Denied):
    """The token does not carry what this route asks for."""

    code = "web.scope-missing"
    title = N_("This token may not do this")


class SignInNeeded(Unauthenticated):
    """The route is for somebody who is signed in."""

    code = "web.sign-in-needed"
    title = N_("Please sign in")


async def identify(request: web.Request) -> Principal | None:
    """Return who sends *request*: by bearer token, by cookie, or as this machine's administrator over the Unix socket.

    Raises:
        Unauthenticated: something was shown and it does not hold.
        CrossSite: a cookie came with a request that another site made.
    """
    appliance = request.app[APPLIANCE]
    address = address_of(request)
    authorization = request.headers.get("Authorization", "")
    if authorization:
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise SignInNeeded(fix=N_("Send Authorization: Bearer TOKEN."))
        request[TOKEN] = token.strip()
        return await appliance.auth.authenticate(token.strip(), address=address)
    cookie = request.cookies.get(SECURE_COOKIE if is_secure(request) else PLAIN_COOKIE)
    if cookie:
        check_same_site(request)
        request[TOKEN] = cookie
        return await appliance.auth.authenticate(cookie, address=address)
    if is_local_administrator(request):
        return await appliance.auth.local_administrator()
    return None


def is_dav(route: str) -> bool:
    """Tell whether the route of this name speaks WebDAV, to programs that know names and passwords."""
    return route.startswith("dav_")


async def identify_by_basic(request: web.Request) -> Principal | None:
    """Return who sends *request* where programs ask that know names and passwords: the password is a token.

    A bearer token and the Unix socket do as elsewhere; a cookie counts for nothing, so no page can use it.

    Raises:
        Unauthenticated: something was shown and it does not hold, or the token is somebody else's.
    """
    request[CHALLENGE] = 'Basic realm="CloudConnect", charset="UTF-8"'
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    if not kind:
        is_local = is_local_administrator(request)
        return await request.app[APPLIANCE].auth.local_administrator() if is_local else None
    if kind.lower() != "basic":
        return await identify(request)
    name, token = _parse_basic(shown)
    request[TOKEN] = token
    principal = await request.app[APPLIANCE].auth.authenticate(token, address=address_of(request))
    if principal.name != name.strip().lower() or token_kind(token) is not TokenKind.PERSONAL:
        raise SignInNeeded(fix=N_("Give the name of the account and, as the password, a token of its own."))
    return principal


def _parse_basic(shown: str) -> tuple[str, str]:
    """Return the name and the password that *shown* holds (RFC 7617).

    Raises:
        SignInNeeded: it cannot be read.
    """
    try:
        name, separator, password = base64.b64decode(shown.strip(), validate=True).decode().partition(":")
    except ValueError as error:
        raise SignInNeeded(fix=N_("Send name and token as RFC 7617 says.")) from error
    if not separator:
        raise SignInNeeded(fix=N_("Send name and token as RFC 7617 says."))
    return name, password.strip()


def admit(principal: Principal | None, guard: Guard) -> None:
    """Return if *guard* lets *principal* pass.

    Raises:
        SignInNeeded: nobody is signed in and the route is not open.
        NotAllowed: the credential does not carry the scope, or the account does not administer.
    """
    if guard is Guard.OPEN:
        return
    if principal is None:
        raise SignInNeeded(fix=N_("Sign in, or send Authorization: Bearer TOKEN."))
    if guard is Guard.SIGNED_IN:
        return
    if Scope(guard.value) not in principal.scopes or (guard is Guard.ADMIN and not principal.is_admin):
        raise NotAllowed(N_("This needs the scope {scope}."), scope=guard.value, fix=N_("Use a token that carries it."))


def check_same_site(request: web.Request) -> None:
    """Return if an unsafe request that relies on a cookie was made by a page of ours (SECURITY G01).

    Raises:
        CrossSite: the browser says otherwise, or says nothing and the request does not bear our own header.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    elif origin is not None:
        is_ours = origin.partition("://")[2] == request.host
    else:
        is_ours = PAGE_HEADER in request.headers
    if not is_ours:
        raise CrossSite(fix=N_("Open the page anew and try again."))


def is_secure(request: web.BaseRequest) -> bool:
    """Tell whether the reader's connection is protected by TLS, here or at a proxy that is trusted."""
    return str(request.get(SCHEME, request.scheme)) == "https"


def address_of(request: web.BaseRequest) -> str:
    """Return the address of the reader as far as it is known, ``local`` over the Unix socket."""
    return request.get(ADDRESS, request.remote) or "local"


def is_local_administrator(request: web.BaseRequest) -> bool:
    """Tell whether the peer came over the Unix socket as root or as the user the daemon runs as."""
    connection = None if request.transport is None else request.transport.get_extra_info("socket")
    if connection is None or connection.family != socket.AF_UNIX:
        return False
    _, user, _ = _PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return user in {0, os.geteuid()}


def cookie_name(request: web.BaseRequest) -> str:
    """Return the name of the session cookie on this connection."""
    return SECURE_COOKIE if is_secure(request) else PLAIN_COOKIE


def marks_cookie_name(request: web.BaseRequest) -> str:
    """Return the name of the cookie by which a device is known again on this connection."""
    return f"{cookie_name(request)}-device"


async def check_still_admitted(appliance: Appliance, token: str, address: str) -> None:
    """Return if *token* still holds; long streams ask once a second, so that a revoked one is cut.

    Raises:
        Unauthenticated: it does not.
    """
    if token:
        await appliance.auth.authenticate(token, address=address)
