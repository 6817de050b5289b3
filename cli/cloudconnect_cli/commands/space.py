"""Spaces: which there are, what they and their folders take, and what they may take."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote as percent_encode

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes, parse_bytes
from cloudconnect.wire import accounting as wire
from cloudconnect.wire import files, spaces
from cloudconnect_cli import output
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.running import AsJson, At, ask
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import Place, parse_place
from cloudconnect_cli.undoing import hint_undo

_NONE = "none"
_OWN = "personal"

Of = Annotated[str, typer.Argument(metavar="[SPACE]", help=_("The name or id of a space; your own if none."))]
Which = Annotated[str, typer.Argument(metavar="SPACE", help=_("The name or id of a space."))]

space = typer.Typer(no_args_is_help=True, help=_("Trees of files with an owner, a quota and keys of their own."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("du", epilog=_("Example: cloudconnect du /Photos --depth 1"))(du)
    app.command("usage", epilog=_("Example: cloudconnect usage"))(usage)
    space.command("list", epilog=_("Example: cloudconnect space list --archived"))(space_list)
    space.command("show", epilog=_("Example: cloudconnect space show Photos"))(space_show)
    space.command("create", epilog=_("Example: cloudconnect space create Photos --owner grandma --quota 50GiB"))(create)
    space.command("rename", epilog=_("Example: cloudconnect space rename Photos Pictures"))(rename)
    space.command("archive", epilog=_("Example: cloudconnect space archive Photos"))(archive)
    space.command("unarchive", epilog=_("Example: cloudconnect space unarchive Photos"))(unarchive)
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
    of: Of = _OWN,
    as_json: AsJson = False,
) -> None:
    """Tell how full a space is."""
    found = ask(lambda client: client.ask("GET", _quota_url(of), wire.Quota), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        output.data(_sentence(found))


def quota(
    of: Annotated[
        str | None, typer.Argument(metavar="[SPACE]", help=_("The name or id of a space; all if none."))
    ] = None,
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
        return [await client.ask("PATCH", _quota_url(of), wire.ChangedQuota, body=wire.NewQuota(wanted))]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(each.space, each.name, format_bytes(each.used_bytes), _bound(each.quota_bytes)) for each in found]
    output.table((N_("Space"), N_("Name"), N_(" Used"), N_(" Quota")), rows)
    hint_undo(each.undo for each in found if isinstance(each, wire.ChangedQuota))


def space_list(
    archived: Annotated[bool, typer.Option("--archived", help=_("Those that are archived too."))] = False,
    as_json: AsJson = False,
) -> None:
    """List the spaces that you may see."""

    async def act(client: Client) -> list[spaces.Space]:
        query = {"archived": "true"} if archived else {}
        return [each async for each in client.list("/spaces", spaces.Space, query=query)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (each.name, _state(each), format_bytes(each.used_bytes), _bound(each.quota_bytes), each.id) for each in found
    ]
    output.table((N_("Name"), N_("State"), N_(" Used"), N_(" Quota"), N_("Id")), rows)


def space_show(of: Of = _OWN, as_json: AsJson = False) -> None:
    """Tell what a space is, and what it takes with its past and its trash."""

    async def act(client: Client) -> tuple[spaces.Space, wire.Footprint]:
        found = await client.ask("GET", _space_url(of), spaces.Space)
        return found, await client.ask("GET", f"{_space_url(of)}/usage", wire.Footprint)

    found, footprint = ask(act, as_json=as_json)
    if as_json:
        output.document({"space": found, "usage": footprint})
        return
    rows = (
        (_("Name"), found.name),
        (_("Id"), found.id),
        (_("State"), _state(found)),
        (_("Made"), output.local_time(found.created)),
        (
            _("Used"),
            _("{used} of {quota}").format(used=format_bytes(found.used_bytes), quota=_bound(found.quota_bytes)),
        ),
        (_("Files"), str(footprint.files)),
        (_("Older versions"), format_bytes(footprint.version_bytes)),
        (_("Trash"), format_bytes(footprint.trash_bytes)),
        (_("Each content once"), format_bytes(footprint.unique_bytes)),
        (_("On disk"), format_bytes(footprint.stored_bytes)),
    )
    for name, value in rows:
        output.data(f"{name}: {value}")


def create(
    name: Annotated[str, typer.Argument(help=_("What to call it."))],
    owner: Annotated[str | None, typer.Option("--owner", help=_("Whose it is; yours if you name nobody."))] = None,
    size: Annotated[str | None, typer.Option("--quota", help=_("What it may hold, such as 50GiB."))] = None,
    as_json: AsJson = False,
) -> None:
    """Make a space, with keys of its own; for administrators."""
    body = spaces.NewSpace(name, owner, None if size in {None, _NONE} else parse_bytes(size or ""))
    made = ask(lambda client: client.ask("POST", "/spaces", spaces.Space, body=body), as_json=as_json)
    if as_json:
        output.document(made)
    else:
        output.hint(_("Made. Put something in it: cloudconnect put FILE “{name}:/”").format(name=made.name))
        output.data(made.id)


def rename(
    of: Which, name: Annotated[str, typer.Argument(help=_("What to call it."))], as_json: AsJson = False
) -> None:
    """Give a space another name; for its owner and administrators."""
    changed = _change(of, spaces.SpaceChange(name=name), as_json=as_json)
    if not as_json:
        output.hint(_("It is called “{name}” now.").format(name=changed.name))
        hint_undo([changed.undo])


def archive(of: Which, as_json: AsJson = False) -> None:
    """Let nothing in a space change any more; it can still be read, and brought back with: space unarchive."""
    changed = _change(of, spaces.SpaceChange(archived=True), as_json=as_json)
    if not as_json:
        output.hint(_("“{name}” is archived.").format(name=changed.name))
        hint_undo([changed.undo])


def unarchive(of: Which, as_json: AsJson = False) -> None:
    """Let an archived space change again."""
    changed = _change(of, spaces.SpaceChange(archived=False), as_json=as_json)
    if not as_json:
        output.hint(_("“{name}” may change again.").format(name=changed.name))
        hint_undo([changed.undo])


def _change(of: str, body: spaces.SpaceChange, *, as_json: bool) -> spaces.ChangedSpace:
    changed = ask(lambda client: client.ask("PATCH", _space_url(of), spaces.ChangedSpace, body=body), as_json=as_json)
    if as_json:
        output.document(changed)
    return changed


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


def _space_url(of: str) -> str:
    return f"/spaces/{percent_encode(of, safe='')}"


def _quota_url(of: str) -> str:
    return f"{_space_url(of)}/quota"


def _bound(quota_bytes: int | None) -> str:
    return "-" if quota_bytes is None else format_bytes(quota_bytes)


def _state(found: spaces.Space) -> str:
    if found.archived is not None:
        return _("archived")
    return _("personal") if found.kind == _OWN else _("in use")


def _sentence(found: wire.Quota) -> str:
    used = format_bytes(found.used_bytes)
    if found.quota_bytes is None:
        return _("{used} used, no quota").format(used=used)
    share = 100 * found.used_bytes // found.quota_bytes if found.quota_bytes else 100
    return _("{used} of {quota} used ({share} %)").format(used=used, quota=_bound(found.quota_bytes), share=share)
