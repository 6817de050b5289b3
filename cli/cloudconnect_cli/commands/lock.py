"""Locks: who means to write where, and breaking what is in the way."""

from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.wire import locks as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import AsJson, Space, ask
from cloudconnect_cli.i18n import _

lock = typer.Typer(no_args_is_help=True, help=_("Who means to write where."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    lock.command("list", epilog=_("Example: cloudconnect lock list"))(list_locks)
    lock.command("break", epilog=_("Example: cloudconnect lock break lck_01J…"))(break_lock)
    app.add_typer(lock, name="lock")


def list_locks(space: Space = "personal", as_json: AsJson = False) -> None:
    """List the locks that hold now; each ends by itself."""

    async def act(client: Client) -> list[wire.Lock]:
        return [each async for each in client.list(f"/spaces/{quote(space, safe='')}/locks", wire.Lock)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(output.local_time(each.expires), each.owner_name, each.path, each.id) for each in found]
    output.table((N_("Until"), N_("By"), N_("Path"), N_("Id")), rows)


def break_lock(
    lock_id: Annotated[str, typer.Argument(metavar="LOCK", help=_("Its id, from: lock list."))],
    space: Space = "personal",
    as_json: AsJson = False,
) -> None:
    """End a lock; whoever holds it finds out when he writes, and nothing that was written is lost."""
    path = f"/spaces/{quote(space, safe='')}/locks/{quote(lock_id, safe='')}"
    ask(lambda client: client.ask("DELETE", path, type(None)), as_json=as_json)
    if as_json:
        output.document({"broken": lock_id})
    else:
        output.hint(_("Broken: {lock}").format(lock=output.printable(lock_id)))
