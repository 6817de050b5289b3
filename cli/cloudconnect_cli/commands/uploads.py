"""Uploads in progress: which there are, and giving them up."""

from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import files as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import AsJson, ask
from cloudconnect_cli.i18n import _

uploads = typer.Typer(no_args_is_help=True, help=_("Uploads in progress, which can go on where they stopped."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    uploads.command("list", epilog=_("Example: cloudconnect uploads list"))(list_uploads)
    uploads.command("remove", epilog=_("Example: cloudconnect uploads remove upl_01JZ…"))(remove)
    app.add_typer(uploads, name="uploads")


def list_uploads(as_json: AsJson = False) -> None:
    """List your uploads in progress, oldest first."""

    async def act(client: Client) -> list[wire.Upload]:
        return [each async for each in client.list("/uploads", wire.Upload)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (
            each.id,
            format_bytes(each.received),
            "?" if each.length is None else format_bytes(each.length),
            output.local_time(each.expires),
            each.path,
        )
        for each in found
    ]
    output.table((N_("Id"), N_(" Received"), N_(" Of"), N_("Forgotten"), N_("Path")), rows)


def remove(
    upload: Annotated[list[str], typer.Argument(help=_("Its id, from: uploads list."))], as_json: AsJson = False
) -> None:
    """Give uploads up; what they hold becomes free."""

    async def act(client: Client) -> None:
        for each in upload:
            async with client.send("DELETE", f"/uploads/{quote(each, safe='')}"):
                pass

    ask(act, as_json=as_json)
    if as_json:
        output.document({"removed": upload})
    else:
        output.hint(_("Given up: {uploads}").format(uploads=", ".join(upload)))
