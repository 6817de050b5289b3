"""Facts that a listener gave up on."""

from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.wire.parked import ParkedFact
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import AsJson, ask
from cloudconnect_cli.i18n import _

facts = typer.Typer(no_args_is_help=True, help=_("What happened and could not be handled."))

_PATH = "/parked-facts"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    facts.command("list", epilog=_("Example: cloudconnect facts list"))(facts_list)
    facts.command("retry", epilog=_("Example: cloudconnect facts retry --all"))(facts_retry)
    app.add_typer(facts, name="facts")


def facts_list(as_json: AsJson = False) -> None:
    """List the facts that a part of the appliance gave up on, oldest first, and why."""
    found = ask(_find, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (output.local_time(each.parked), each.kind, each.listener, output.printable(each.error), each.id)
        for each in found
    ]
    output.table((N_("Parked"), N_("Fact"), N_("Who gave up"), N_("Why"), N_("Id")), rows)
    if found:
        output.hint(_("Once the cause is gone: cloudconnect facts retry --all"))


def facts_retry(
    identifiers: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help=_("The ids, from: facts list."))
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help=_("All that are parked."))] = False,
    as_json: AsJson = False,
) -> None:
    """Have parked facts handled once more. Ends at the first that fails again."""
    if bool(identifiers) == is_all:
        raise typer.BadParameter(_("Name facts, or say --all."))

    async def act(client: Client) -> list[str]:
        wanted = [each.id for each in await _find(client)] if is_all else identifiers or []
        for each in wanted:
            await client.ask("POST", f"{_PATH}/{quote(each, safe='')}/retry", type(None))
        return wanted

    done = ask(act, as_json=as_json)
    if as_json:
        output.document({"handled": done})
    else:
        output.hint(_("Handled: {count}").format(count=len(done)))


async def _find(client: Client) -> list[ParkedFact]:
    return [each async for each in client.list(_PATH, ParkedFact)]
