"""Signing in to appliances elsewhere, and choosing between them."""

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cloudconnect.client import Client, Target
from cloudconnect.client.target import Contexts, contexts_path
from cloudconnect.kernel.errors import CloudConnectError, Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.wire import auth as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import STATE, AsJson, ask, environment, read_password
from cloudconnect_cli.i18n import _

context = typer.Typer(no_args_is_help=True, help=_("The appliances you have signed in to."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("login", epilog=_("Example: cloudconnect login https://files.example.org"))(login)
    app.command("logout", epilog=_("Example: cloudconnect logout"))(logout)
    app.command("whoami", epilog=_("Example: cloudconnect whoami --json"))(whoami)
    context.command("list", epilog=_("Example: cloudconnect context list"))(context_list)
    context.command("use", epilog=_("Example: cloudconnect context use files.example.org"))(context_use)
    context.command("remove", epilog=_("Example: cloudconnect context remove files.example.org"))(context_remove)
    app.add_typer(context, name="context")


def login(
    url: Annotated[str, typer.Argument(help=_("Address of the appliance."))],
    name: Annotated[str, typer.Option("--user", help=_("The name to sign in with."))] = "",
    password_file: Annotated[Path | None, typer.Option("--password-file", help=_("- for standard input."))] = None,
    save_as: Annotated[str, typer.Option("--name", help=_("Name of the context; the host if none."))] = "",
    as_json: AsJson = False,
) -> None:
    """Sign in to an appliance and keep the session as a context."""
    STATE.is_json = as_json
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(N_("“{url}” is not an address."), fix=N_("Write it like https://files.example.org"), url=url)
    name = name or typer.prompt(_("Name"), err=True)
    if password_file is None and sys.stdin.isatty():
        password = typer.prompt(_("Password"), hide_input=True, err=True)
    else:
        password = read_password(password_file or Path("-"))

    import asyncio  # noqa: PLC0415 - help need not pay for it

    url = url.rstrip("/")
    contexts = Contexts(contexts_path(environment()))

    async def sign_in() -> wire.SignedIn:
        async with Client(Target(url)) as client:
            body = wire.SignIn(name, password, f"cloudconnect CLI, {_host()}", contexts.marks(url))
            return await client.ask("POST", "/sessions", wire.SignedIn, body=body)

    signed_in = asyncio.run(sign_in())
    label = save_as or parts.hostname
    contexts.add(label, Target(url, signed_in.token), signed_in.marks)
    if as_json:
        output.document({"user": signed_in.user.name, "context": label})
    else:
        output.hint(_("Signed in as {name}; the context is “{label}”.").format(name=signed_in.user.name, label=label))


def logout(as_json: AsJson = False) -> None:
    """End the session of the current context and forget it."""
    STATE.is_json = as_json
    contexts = Contexts(contexts_path(environment()))
    label = STATE.context or contexts.current
    if not label:
        raise Invalid(N_("You are not signed in anywhere."), fix=N_("See: cloudconnect context list"))
    STATE.context = label
    try:
        ask(lambda client: client.ask("DELETE", "/sessions/current", type(None)), as_json=as_json)
    except CloudConnectError as refusal:
        output.refusal(refusal, as_json=as_json)
    contexts.remove(label)
    if as_json:
        output.document({"removed": label})


def whoami(as_json: AsJson = False) -> None:
    """Tell who you are to the appliance, and what this credential may do."""
    me = ask(lambda client: client.ask("GET", "/me", wire.Me), as_json=as_json)
    if as_json:
        output.document(me)
    else:
        output.data(f"{me.user.name}  ({', '.join(me.scopes)})")


def context_list(as_json: AsJson = False) -> None:
    """List the contexts; the current one has a star."""
    contexts = Contexts(contexts_path(environment()))
    if as_json:
        output.document({"current": contexts.current, "contexts": contexts.names})
        return
    for name in contexts.names:
        output.data(f"{'*' if name == contexts.current else ' '} {name}  {contexts.get(name).url}")


def context_use(
    name: Annotated[str, typer.Argument(help=_("Name of the context; empty for this machine."))],
    as_json: AsJson = False,
) -> None:
    """Choose the context that commands use."""
    STATE.is_json = as_json
    Contexts(contexts_path(environment())).use(name)
    if as_json:
        output.document({"current": name})


def context_remove(
    name: Annotated[str, typer.Argument(help=_("Name of the context."))], as_json: AsJson = False
) -> None:
    """Forget a context without ending its session."""
    STATE.is_json = as_json
    Contexts(contexts_path(environment())).remove(name)
    if as_json:
        output.document({"removed": name})


def _host() -> str:
    import socket  # noqa: PLC0415 - help need not pay for it

    return socket.gethostname()
