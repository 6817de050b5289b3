"""Users, tokens and sessions."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import quote as percent_encode

import msgspec
import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.wire import auth as wire
from cloudconnect.wire import developer, sessions
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import AsJson, Yes, ask, confirm, read_password
from cloudconnect_cli.i18n import _

Name = Annotated[str, typer.Argument(help=_("Name or id of the user."))]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help=_("File with the password; - for standard input."))
]

quote = partial(percent_encode, safe="")
"""Return a name as one part of a URL."""

user = typer.Typer(no_args_is_help=True, help=_("People with an account."))
token = typer.Typer(no_args_is_help=True, help=_("Keys for programs."))
session = typer.Typer(no_args_is_help=True, help=_("Signed-in devices."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    user.command("add", epilog=_("Example: cloudconnect user add grandma --display-name Grandma"))(user_add)
    user.command("list", epilog=_("Example: cloudconnect user list --json"))(user_list)
    user.command("show", epilog=_("Example: cloudconnect user show grandma"))(user_show)
    user.command("set", epilog=_("Example: cloudconnect user set grandma --admin"))(user_set)
    user.command("disable", epilog=_("Example: cloudconnect user disable bob"))(user_disable)
    user.command("enable", epilog=_("Example: cloudconnect user enable bob"))(user_enable)
    user.command("password", epilog=_("Example: cloudconnect user password grandma"))(user_password)
    user.command("login-link", epilog=_("Example: cloudconnect user login-link grandma"))(user_login_link)
    token.command("create", epilog=_("Example: cloudconnect token create backup --scope files.read --days 90"))(
        token_create
    )
    token.command("list", epilog=_("Example: cloudconnect token list"))(token_list)
    token.command("revoke", epilog=_("Example: cloudconnect token revoke backup"))(token_revoke)
    session.command("list", epilog=_("Example: cloudconnect session list"))(session_list)
    session.command("revoke", epilog=_("Example: cloudconnect session revoke --others"))(session_revoke)
    app.command("passwd", epilog=_("Example: cloudconnect passwd"))(passwd)
    for name, group in (("user", user), ("token", token), ("session", session)):
        app.add_typer(group, name=name)


def user_add(
    name: Annotated[str, typer.Argument(help=_("The name to sign in with."))],
    display_name: Annotated[str, typer.Option("--display-name", help=_("The name others see."))] = "",
    admin: Annotated[bool, typer.Option("--admin", help=_("May administer the appliance."))] = False,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an account; without a password it is entered by a one-time link."""
    password = None if password_file is None else read_password(password_file)
    body = wire.NewUser(name, display_name, password, admin)
    made = ask(lambda client: client.ask("POST", "/users", wire.User, body=body), as_json=as_json)
    if as_json:
        output.document(made)
    elif password is None:
        output.hint(_("Made. Let them in with: cloudconnect user login-link {name}").format(name=made.name))


def user_list(as_json: AsJson = False) -> None:
    """List all accounts."""

    async def act(client: Client) -> list[wire.User]:
        return [each async for each in client.list("/users", wire.User)]

    users = ask(act, as_json=as_json)
    if as_json:
        output.document(users)
        return
    rows = [(each.name, each.display_name, _role(each), output.local_time(each.created)) for each in users]
    output.table((N_("Name"), N_("Display name"), N_("Role"), N_("Made")), rows)


def user_show(name: Name, as_json: AsJson = False) -> None:
    """Show one account."""
    found = ask(lambda client: client.ask("GET", f"/users/{quote(name)}", wire.User), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        output.data(f"{found.name}  {found.display_name}  {_role(found)}  {found.id}")


def user_set(
    name: Name,
    display_name: Annotated[str | None, typer.Option("--display-name", help=_("The name others see."))] = None,
    admin: Annotated[bool | None, typer.Option("--admin/--no-admin", help=_("May administer or not."))] = None,
    as_json: AsJson = False,
) -> None:
    """Change an account."""
    unset = msgspec.UNSET
    _change(
        name,
        wire.UserChange(unset if display_name is None else display_name, unset if admin is None else admin),
        as_json=as_json,
    )


def user_disable(name: Name, as_json: AsJson = False) -> None:
    """Shut an account out at once; its files stay."""
    _change(name, wire.UserChange(is_disabled=True), as_json=as_json)


def user_enable(name: Name, as_json: AsJson = False) -> None:
    """Let an account in again."""
    _change(name, wire.UserChange(is_disabled=False), as_json=as_json)


def user_password(name: Name, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Set somebody's password; all their sessions end."""
    body = wire.PasswordChange(_ask_password(password_file))
    ask(lambda client: client.ask("PUT", f"/users/{quote(name)}/password", type(None), body=body), as_json=as_json)
    if as_json:
        output.document({"changed": name})


def user_login_link(name: Name, as_json: AsJson = False) -> None:
    """Make a one-time way in; it works for ten minutes."""
    link = ask(
        lambda client: client.ask("POST", f"/users/{quote(name)}/sign-in-links", wire.SignInLink), as_json=as_json
    )
    if as_json:
        output.document(link)
    else:
        output.data(link.url)


def passwd(password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Set one's own password; all other sessions end."""
    current = typer.prompt(_("Current password"), hide_input=True, err=True) if sys.stdin.isatty() else None
    body = wire.PasswordChange(_ask_password(password_file), current or None)
    ask(lambda client: client.ask("PUT", "/me/password", type(None), body=body), as_json=as_json)
    if as_json:
        output.document({"changed": "me"})


def token_create(
    name: Annotated[str, typer.Argument(help=_("What it is for."))],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help=_("files.read, files.write, account, admin."))
    ] = None,
    days: Annotated[int | None, typer.Option("--days", help=_("Days until it ends."))] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token; its text is shown this once."""
    body = developer.NewToken(name, scope or [], days)
    made = ask(lambda client: client.ask("POST", "/tokens", developer.MadeToken, body=body), as_json=as_json)
    if as_json:
        output.document(made)
    else:
        output.data(made.token)
        output.hint(_("Keep it well; it is not shown again. It may: {scopes}").format(scopes=", ".join(made.scopes)))


def token_list(as_json: AsJson = False) -> None:
    """List one's own tokens."""

    async def act(client: Client) -> list[developer.Token]:
        return [each async for each in client.list("/tokens", developer.Token)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (each.name, " ".join(each.scopes), output.local_time(each.used), output.local_time(each.expires), each.id)
        for each in found
    ]
    output.table((N_("Name"), N_("Scopes"), N_("Used"), N_("Ends"), N_("Id")), rows)


def token_revoke(
    name: Annotated[str, typer.Argument(help=_("Name or id of the token."))], as_json: AsJson = False
) -> None:
    """Revoke a token; the next request with it is refused."""
    ask(lambda client: client.ask("DELETE", f"/tokens/{quote(name)}", type(None)), as_json=as_json)
    if as_json:
        output.document({"revoked": name})


def session_list(as_json: AsJson = False) -> None:
    """List one's own signed-in devices."""

    async def act(client: Client) -> list[sessions.Session]:
        return [each async for each in client.list("/sessions", sessions.Session)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (
            each.id,
            each.device[:40],
            each.address,
            output.local_time(each.seen),
            _("this one") if each.is_current else "",
        )
        for each in found
    ]
    output.table((N_("Id"), N_("Device"), N_("Address"), N_("Last seen"), ""), rows)


def session_revoke(
    identifier: Annotated[str, typer.Argument(help=_("Id of the session."))] = "",
    others: Annotated[bool, typer.Option("--others", help=_("All but the one that asks."))] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End a session, or all others."""
    if not others and not identifier:
        raise Invalid(N_("Name a session, or use --others."), fix=N_("See: cloudconnect session list"))
    if others:
        confirm(_("End all other sessions?"), is_confirmed=yes)

    async def act(client: Client) -> sessions.Ended:
        if others:
            return await client.ask("DELETE", "/sessions", sessions.Ended, query={"others": True})
        await client.ask("DELETE", f"/sessions/{quote(identifier)}", type(None))
        return sessions.Ended(ended=1)

    ended = ask(act, as_json=as_json)
    if as_json:
        output.document(ended)
    elif others:
        output.hint(_("{count} ended").format(count=ended.ended))


def _change(name: str, body: wire.UserChange, *, as_json: bool) -> None:
    changed = ask(lambda client: client.ask("PATCH", f"/users/{quote(name)}", wire.User, body=body), as_json=as_json)
    if as_json:
        output.document(changed)


def _role(account: wire.User) -> str:
    if account.is_disabled:
        return _("disabled")
    return _("administrator") if account.is_admin else _("member")


def _ask_password(path: Path | None) -> str:
    if path is not None or not sys.stdin.isatty():
        return read_password(path or Path("-"))
    return str(typer.prompt(_("New password"), hide_input=True, confirmation_prompt=True, err=True))
