"""Sessions that were stopped from changing too much."""

from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.wire import brake as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import AsJson, Space, ask
from cloudconnect_cli.i18n import _
from cloudconnect_cli.undoing import hint_undo

brake = typer.Typer(no_args_is_help=True, help=_("What stops sessions that remove or overwrite too much."))

_REASONS = {
    "mass-change": N_("removed or overwrote many files"),
    "part-of-space": N_("removed or overwrote a fifth of all"),
    "scrambled": N_("scrambled and renamed files"),
}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    brake.command("list", epilog=_("Example: cloudconnect brake list"))(brake_list)
    brake.command("lift", epilog=_("Example: cloudconnect brake lift brk_01J…"))(brake_lift)
    brake.command("limit", epilog=_("Example: cloudconnect brake limit 500"))(brake_limit)
    app.add_typer(brake, name="brake")


def brake_list(space: Space = "personal", as_json: AsJson = False) -> None:
    """List when sessions were stopped, last first."""

    async def act(client: Client) -> list[wire.Brake]:
        return [each async for each in client.list(f"/spaces/{space}/brakes", wire.Brake)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (
            output.local_time(each.pulled),
            each.actor_name,
            _(_REASONS[each.reason]),
            str(each.changes),
            _state(each),
            each.id,
        )
        for each in found
    ]
    output.table((N_("Stopped"), N_("Whose"), N_("Because it"), N_(" Files"), N_("State"), N_("Id")), rows)
    for each in found:
        if each.lifted is None:
            hint = _("Look: cloudconnect rollback --session {session} --dry-run; let go: cloudconnect brake lift {id}")
            output.hint(hint.format(session=each.session, id=each.id))


def brake_lift(
    identifier: Annotated[str, typer.Argument(metavar="ID", help=_("The id, from: brake list."))],
    space: Space = "personal",
    as_json: AsJson = False,
) -> None:
    """Let a session that was stopped write again."""
    url = f"/spaces/{space}/brakes/{quote(identifier, safe='')}/lift"
    found = ask(lambda client: client.ask("POST", url, wire.Brake), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        output.hint(_("{name} may write again.").format(name=output.printable(found.actor_name)))


def brake_limit(
    changes: Annotated[
        int | None, typer.Argument(metavar="[N]", min=0, help=_("So many files a minute; 0 for any number."))
    ] = None,
    space: Space = "personal",
    as_json: AsJson = False,
) -> None:
    """Show or say how many files one session may remove or overwrite in a minute."""
    url = f"/spaces/{space}/brake"
    found: wire.BrakeLimit
    if changes is None:
        found = ask(lambda client: client.ask("GET", url, wire.BrakeLimit), as_json=as_json)
    else:
        body = wire.NewBrakeLimit(changes)
        found = ask(lambda client: client.ask("PUT", url, wire.ChangedBrakeLimit, body=body), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        output.data(_("{changes} files a minute").format(changes=found.changes) if found.changes else _("off"))
        if isinstance(found, wire.ChangedBrakeLimit):
            hint_undo([found.undo])


async def announce(client: Client, space: str, changes: int) -> None:
    """Tell the appliance that so many files are going to be removed or overwritten."""
    await client.ask("POST", f"/spaces/{space}/brake-expectations", type(None), body=wire.Expectation(changes))


def _state(found: wire.Brake) -> str:
    return _("stopped") if found.lifted is None else _("lifted")
