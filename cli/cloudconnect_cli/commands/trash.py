"""What was removed: looking at it, bringing it back, giving it up for good."""

from typing import Annotated

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import files
from cloudconnect.wire import retention as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.completing import RemotePath
from cloudconnect_cli.commands.history import DryRun
from cloudconnect_cli.commands.removing import find_trashed, restore
from cloudconnect_cli.commands.running import AsJson, Space, Yes, ask, confirm
from cloudconnect_cli.i18n import _, counted
from cloudconnect_cli.places import parse_place

trash = typer.Typer(no_args_is_help=True, help=_("What was removed and can be restored."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    trash.command("list", epilog=_("Example: cloudconnect trash list"))(trash_list)
    trash.command("restore", epilog=_("Example: cloudconnect trash restore /Documents/plan.txt"))(restore)
    trash.command("purge", epilog=_("Example: cloudconnect trash purge /Documents/plan.txt"))(trash_purge)
    trash.command("empty", epilog=_("Example: cloudconnect trash empty --older-than 7"))(trash_empty)
    app.add_typer(trash, name="trash")


def trash_list(path: RemotePath = "/", as_json: AsJson = False) -> None:
    """List the trash, last removed first."""
    place = parse_place(path)

    async def act(client: Client) -> list[files.Trashed]:
        return [each async for each in client.list(f"/spaces/{place.space}/trash", files.Trashed)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(output.local_time(each.trashed), each.trashed_by, each.path, each.id) for each in found]
    output.table((N_("Removed"), N_("By"), N_("Path"), N_("Id")), rows)


def trash_purge(
    what: Annotated[str, typer.Argument(help=_("The path it had, or its id from: trash list."))],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give up one thing in the trash, for good."""
    space, node = ask(lambda client: find_trashed(client, what), as_json=as_json)
    confirm(_("Give up {path} for good?").format(path=output.printable(what)), is_confirmed=yes)
    ask(lambda client: client.ask("DELETE", f"/spaces/{space}/trash/{node}", type(None)), as_json=as_json)


def trash_empty(
    older_than: Annotated[
        int | None, typer.Option("--older-than", min=0, help=_("Only what was removed more than so many days ago."))
    ] = None,
    space: Space = "personal",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give up what is in the trash, for good."""
    url = f"/spaces/{space}/trash/empty"
    body = wire.Emptying(older_than, dry_run=True)
    total = ask(lambda client: client.ask("POST", url, wire.Emptied, body=body), as_json=as_json)
    if not dry_run and total.count:
        question = _("Give up {things} ({size}) for good?")
        confirm(question.format(things=_things(total.count), size=format_bytes(total.bytes)), is_confirmed=yes)
        body = wire.Emptying(older_than)
        total = ask(lambda client: client.ask("POST", url, wire.Emptied, body=body), as_json=as_json)
    if as_json:
        output.document(total)
        return
    sentence = _("Would go: {things}, {size}.") if dry_run else _("Gone: {things}, {size}.")
    output.hint(sentence.format(things=_things(total.count), size=format_bytes(total.bytes)))


def _things(count: int) -> str:
    return counted("{count} thing", "{count} things", count)
