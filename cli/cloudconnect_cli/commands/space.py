"""What spaces and folders take, and what spaces may take."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote as percent_encode

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes, parse_bytes
from cloudconnect.wire import accounting as wire
from cloudconnect.wire import files
from cloudconnect_cli import output
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.running import AsJson, At, ask
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import Place, parse_place

_NONE = "none"
_OWN = "personal"

space = typer.Typer(no_args_is_help=True, help=_("Spaces, and what they may hold."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("du", epilog=_("Example: cloudconnect du /Photos --depth 1"))(du)
    app.command("usage", epilog=_("Example: cloudconnect usage"))(usage)
    space.command("quota", epilog=_("Example: cloudconnect space quota spc_01J… 50GiB"))(quota)
    app.add_typer(space, name="space")


def du(
    paths: Annotated[
        list[str] | None, typer.Argument(help=_("Paths; the root if none."), autocompletion=remote_paths)
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=0, help=_("Folders below them too, down to this depth."))] = 0,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Tell what paths take, with older versions and trash, and what deleting all that would free."""
    places = [parse_place(path) for path in paths or ["/"]]
    if at is not None:
        _du_past(places, at, as_json=as_json)
        return

    async def act(client: Client) -> list[wire.Footprint]:
        return [
            await _footprint(client, each) for place in places async for each in _with_folders(client, place, depth)
        ]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    headings = (N_(" Size"), N_(" Versions"), N_(" Trash"), N_(" Stored"), N_(" Frees"), N_(" Files"), N_("Path"))
    output.table(
        headings,
        [
            (
                format_bytes(each.logical_bytes),
                format_bytes(each.version_bytes),
                format_bytes(each.trash_bytes),
                format_bytes(each.stored_bytes),
                format_bytes(each.freed_bytes),
                str(each.files),
                each.path,
            )
            for each in found
        ],
    )


def usage(
    of: Annotated[str, typer.Argument(metavar="[SPACE]", help=_("The id of a space; your own if none."))] = _OWN,
    as_json: AsJson = False,
) -> None:
    """Tell how full a space is."""
    found = ask(lambda client: client.ask("GET", _quota_url(of), wire.Quota), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        output.data(_sentence(found))


def quota(
    of: Annotated[str | None, typer.Argument(metavar="[SPACE]", help=_("The id of a space; all if none."))] = None,
    size: Annotated[
        str | None, typer.Argument(metavar="[SIZE]", help=_("What it may hold, such as 50GiB, or none for no limit."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what spaces use and may hold, or set it for one; for administrators."""
    wanted = None if size in {None, _NONE} else parse_bytes(size or "")

    async def act(client: Client) -> list[wire.Quota]:
        if of is None:
            return [each async for each in client.list("/quotas", wire.Quota)]
        if size is None:
            return [await client.ask("GET", _quota_url(of), wire.Quota)]
        return [await client.ask("PATCH", _quota_url(of), wire.Quota, body=wire.NewQuota(wanted))]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(each.space, each.name, format_bytes(each.used_bytes), _limit(each)) for each in found]
    output.table((N_("Space"), N_("Name"), N_(" Used"), N_(" Quota")), rows)


async def _footprint(client: Client, place: Place) -> wire.Footprint:
    return await client.ask("GET", f"/spaces/{place.space}/usage", wire.Footprint, query={"path": place.path})


async def _with_folders(client: Client, place: Place, depth: int) -> AsyncIterator[Place]:
    """Yield *place*, and the folders below it that are at most *depth* levels down, each before those in it."""
    yield place
    if depth == 0 or (await client.ask("GET", place.url("entries"), files.Entry)).kind == "file":
        return
    async for each in client.list(place.url("children"), files.Entry):
        if each.kind == "folder":
            async for below in _with_folders(client, Place(place.space, each.path), depth - 1):
                yield below


def _du_past(places: list[Place], at: str, *, as_json: bool) -> None:
    async def act(client: Client) -> list[files.Usage]:
        return [await client.ask("GET", place.url("usage"), files.Usage, query={"at": at}) for place in places]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(format_bytes(each.logical_bytes), str(each.files), str(each.folders), each.path) for each in found]
    output.table((N_(" Size"), N_(" Files"), N_(" Folders"), N_("Path")), rows)


def _quota_url(of: str) -> str:
    return f"/spaces/{percent_encode(of, safe='')}/quota"


def _limit(found: wire.Quota) -> str:
    return "-" if found.quota_bytes is None else format_bytes(found.quota_bytes)


def _sentence(found: wire.Quota) -> str:
    used = format_bytes(found.used_bytes)
    if found.quota_bytes is None:
        return _("{used} used, no quota").format(used=used)
    share = 100 * found.used_bytes // found.quota_bytes if found.quota_bytes else 100
    return _("{used} of {quota} used ({share} %)").format(used=used, quota=_limit(found), share=share)
