"""Finding files by what is known about them."""

from typing import Annotated

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import files as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.running import AsJson, At, ask
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import parse_place


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("find", epilog=_("Example: cloudconnect find 'type:pdf tag:invoice -tag:paid size:>10M'"))(find)


def find(
    where: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WHERE]...", help=_("A selection, best in single quotes; everything if none.")),
    ] = None,
    inside: Annotated[
        str,
        typer.Option(
            "--in", help=_("The folder to look below; SPACE:/path in another space."), autocompletion=remote_paths
        ),
    ] = "/",
    long: Annotated[bool, typer.Option("--long", "-l", help=_("Sizes, times and tags too."))] = False,
    print0: Annotated[
        bool, typer.Option("--print0", "-0", help=_("A zero byte behind each path, for xargs -0."))
    ] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Find files and folders by name, type, size, time, tags and more."""
    place = parse_place(inside)
    query = {"where": " ".join(where or []), "path": place.path, "at": at}

    async def act(client: Client) -> list[wire.Entry]:
        found = [each async for each in client.list(f"/spaces/{place.space}/find", wire.Entry, query=query)]
        return sorted(found, key=lambda each: each.path)

    entries = ask(act, as_json=as_json)
    if as_json:
        output.document(entries)
    elif print0:
        output.raw(b"".join(each.path.encode() + b"\0" for each in entries))
    elif long:
        rows = [(_size(each), output.local_time(each.modified), each.path, show_tags(each)) for each in entries]
        output.table((N_(" Size"), N_("Modified"), N_("Path"), N_("Tags")), rows)
    else:
        for each in entries:
            output.data(output.printable(each.path))


def show_tags(entry: wire.Entry) -> str:
    """Return the tags of *entry* as one writes them."""
    return " ".join(show_tag(tag) for tag in entry.tags or [])


def show_tag(tag: wire.Tag) -> str:
    """Return *tag* as one writes it: a name, or a name and a value."""
    return tag.name if tag.kind == "label" else f"{tag.name}={tag.value}"


def _size(entry: wire.Entry) -> str:
    return "-" if entry.size is None else format_bytes(entry.size)
