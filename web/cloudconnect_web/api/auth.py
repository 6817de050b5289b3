"""Signing in, accounts and passwords."""

from urllib.parse import quote as percent_encode

import msgspec
from aiohttp import web

from cloudconnect.features.auth import Account, NewSession
from cloudconnect.wire import auth as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.address import address
from cloudconnect_web.admission import address_of, is_local_administrator
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.keys import APPLIANCE
from cloudconnect_web.operations import Call, Guard, Operation


async def sign_in(call: Call, body: wire.SignIn) -> wire.SignedIn:
    """Open a session with a name and a password."""
    opened = await call.appliance.auth.sign_in(
        body.name,
        body.password,
        device=body.device or _device(call.request),
        address=address_of(call.request),
        marks=body.marks,
    )
    return _signed_in(opened)


async def sign_in_by_link(call: Call, body: wire.SignInByLink) -> wire.SignedIn:
    """Open a session with a one-time link, and use the link up."""
    opened = await call.appliance.auth.sign_in_by_link(
        body.token,
        device=body.device or _device(call.request),
        address=address_of(call.request),
        marks=body.marks,
    )
    return _signed_in(opened)


async def get_me(call: Call) -> wire.Me:
    """Return who is asking, and with what power."""
    principal = call.principal
    account = await call.appliance.auth.get_account(principal, principal.id)
    space = await call.appliance.spaces.get_space(principal, "personal") if _reads_files(call) else None
    return wire.Me(to_user(account), principal.credential, sorted(principal.scopes), space.id if space else "")


async def set_own_password(call: Call, body: wire.PasswordChange) -> None:
    """Set one's own password; every other session of the account ends."""
    await call.appliance.auth.set_password(call.principal, call.principal.id, body.new, body.current)


async def find_users(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.User]:
    """List all accounts by name."""
    return to_page(await call.appliance.auth.find_accounts(call.principal, limit, cursor), to_user)


async def add_user(call: Call, body: wire.NewUser) -> wire.User:
    """Make an account; without a password it is entered by a one-time link first."""
    account = await call.appliance.auth.add_account(
        call.principal, body.name, body.display_name, body.password, body.is_admin
    )
    return to_user(account)


async def get_user(call: Call, user: str) -> wire.User:
    """Return one account, by id or name."""
    return to_user(await call.appliance.auth.get_account(call.principal, user))


async def change_user(call: Call, user: str, body: wire.UserChange) -> wire.User:
    """Change an account; absent members stay as they are."""
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    return to_user(await call.appliance.auth.change_account(call.principal, user, **changes))


async def set_user_password(call: Call, user: str, body: wire.PasswordChange) -> None:
    """Set somebody's password; every session of the account ends."""
    await call.appliance.auth.set_password(call.principal, user, body.new, body.current)


async def add_sign_in_link(call: Call, user: str) -> wire.SignInLink:
    """Make a one-time way in for an account; it works for ten minutes."""
    token, expires = await call.appliance.auth.add_sign_in_link(call.principal, user)
    return wire.SignInLink(link_address(call.request, token), expires)


def link_address(request: web.Request, token: str) -> str:
    """Return the address at which a one-time link is used."""
    settings = request.app[APPLIANCE].settings
    base = address(settings) if is_local_administrator(request) else str(request.url.origin())
    return f"{settings.server.public_url or base}/sign-in/link?token={percent_encode(token)}"


def to_user(account: Account) -> wire.User:
    """Return *account* as it crosses HTTP."""
    return wire.User(
        id=account.id,
        name=account.name,
        display_name=account.display_name,
        is_admin=account.is_admin,
        is_disabled=account.is_disabled,
        has_password=account.has_password,
        created=account.created,
    )


def _signed_in(opened: NewSession) -> wire.SignedIn:
    return wire.SignedIn(opened.token, opened.session.id, to_user(opened.account), opened.session.expires, opened.marks)


def _reads_files(call: Call) -> bool:
    return "files.read" in call.principal.scopes


def _device(request: web.BaseRequest) -> str:
    return request.headers.get("User-Agent", "")[:200]


OPERATIONS = [
    Operation(method="POST", path="/sessions", guard=Guard.OPEN, handler=sign_in, status=201),
    Operation(method="POST", path="/sessions/link", guard=Guard.OPEN, handler=sign_in_by_link, status=201),
    Operation(method="GET", path="/me", guard=Guard.SIGNED_IN, handler=get_me),
    Operation(method="PUT", path="/me/password", guard=Guard.ACCOUNT, handler=set_own_password, status=204),
    Operation(method="GET", path="/users", guard=Guard.ADMIN, handler=find_users),
    Operation(method="POST", path="/users", guard=Guard.ADMIN, handler=add_user, status=201),
    Operation(method="GET", path="/users/{user}", guard=Guard.ACCOUNT, handler=get_user),
    Operation(method="PATCH", path="/users/{user}", guard=Guard.ACCOUNT, handler=change_user),
    Operation(method="PUT", path="/users/{user}/password", guard=Guard.ADMIN, handler=set_user_password, status=204),
    Operation(
        method="POST",
        path="/users/{user}/sign-in-links",
        guard=Guard.ADMIN,
        handler=add_sign_in_link,
        status=201,
        answers_secret=True,
    ),
]
