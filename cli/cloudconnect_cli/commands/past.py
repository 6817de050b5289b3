"""Moments that have names, what differs between two, and bringing one back."""

from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import files
from cloudconnect.wire import history as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.history import report
from cloudconnect_cli.commands.running import AsJson, Space, Yes, ask, confirm
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import Place, parse_place
from cloudconnect_cli.undoing import hint_undo

Moment = Annotated[str, typer.Argument(help=_("A moment: 3h, 'yesterday 14:00', seq:120, the name of a snapshot."))]
Later = Annotated[str | None, typer.Argument(metavar="[MOMENT]", help=_("Another one; now if none."))]
Path = Annotated[
    str,
    typer.Argument(
        metavar="[PATH]", help=_("Only in this folder; SPACE:/path in another space."), autocompletion=remote_paths
    ),
]
Name = Annotated[str, typer.Argument(help=_("What it is called."))]

_NOW = "now"
_SIGNS = {"added": "+", "removed": "-", "modified": "~", "moved": ">"}

snapshot = typer.Typer(no_args_is_help=True, help=_("Moments that have names and are kept."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("diff", epilog=_("Example: cloudconnect diff yesterday now /Documents"))(diff)
    snapshot.command("create", epilog=_("Example: cloudconnect snapshot create before-the-move"))(snapshot_create)
    snapshot.command("list", epilog=_("Example: cloudconnect snapshot list"))(snapshot_list)
    snapshot.command("diff", epilog=_("Example: cloudconnect snapshot diff before-the-move"))(diff)
    snapshot.command("delete", epilog=_("Example: cloudconnect snapshot delete before-the-move"))(snapshot_delete)
    app.add_typer(snapshot, name="snapshot")


def diff(first: Moment, second: Later = None, path: Path = "/", as_json: AsJson = False) -> None:
    """Tell what differs between two moments: + added, - removed, ~ modified, > moved."""
    place = parse_place(path)
    query = {
        "since": None if first == _NOW else first,
        "until": None if second in {None, _NOW} else second,
        "path": place.path,
    }

    async def act(client: Client) -> list[wire.Differing]:
        return [each async for each in client.list(f"/spaces/{place.space}/diff", wire.Differing, query=query)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    for each in sorted(found, key=lambda each: each.after or each.before or ""):
        output.data(_line(each))
    more = sum((each.size_after or 0) - (each.size_before or 0) for each in found)
    counts = {how: sum(each.how == how for each in found) for how in _SIGNS}
    summary = _("{added} added, {removed} removed, {modified} modified, {moved} moved; {size}").format(
        **counts, size=f"{'-' if more < 0 else '+'}{format_bytes(abs(more))}"
    )
    output.hint(summary)


def snapshot_create(
    name: Name,
    at: Annotated[str | None, typer.Option("--at", help=_("The moment; now if none."))] = None,
    space: Space = "personal",
    as_json: AsJson = False,
) -> None:
    """Name the present or another moment; what was there then is kept as long as it has the name."""
    body = wire.NewSnapshot(name, at)
    made = ask(lambda client: client.ask("POST", _url(space), wire.ChangedSnapshot, body=body), as_json=as_json)
    if as_json:
        output.document(made)
    else:
        output.hint(_("Look at it with: cloudconnect ls --at '{name}'").format(name=output.printable(made.name)))
        hint_undo([made.undo])


def snapshot_list(space: Space = "personal", as_json: AsJson = False) -> None:
    """List the moments of a space that have names."""

    async def act(client: Client) -> list[wire.Snapshot]:
        return [each async for each in client.list(_url(space), wire.Snapshot)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (each.name, output.local_time(each.at), output.local_time(each.created), each.created_by, str(each.seq))
        for each in found
    ]
    output.table((N_("Name"), N_("Moment"), N_("Made"), N_("By"), N_(" Seq")), rows)


def snapshot_delete(name: Name, space: Space = "personal", yes: Yes = False, as_json: AsJson = False) -> None:
    """Forget the name of a moment; what it alone kept is no longer kept."""
    confirm(_("Forget the snapshot “{name}”?").format(name=name), is_confirmed=yes)
    url = f"{_url(space)}/{quote(name, safe='')}"
    gone = ask(lambda client: client.ask("DELETE", url, wire.ChangedSnapshot), as_json=as_json)
    if as_json:
        output.document(gone)
    else:
        hint_undo([gone.undo])


def give_back(place: Place, body: wire.GiveBack, *, as_json: bool) -> None:
    """Make what is at *place* what it was at a moment."""
    url = f"/spaces/{place.space}/restore"
    done = ask(lambda client: client.ask("POST", url, wire.Reverted, body=body), as_json=as_json)
    report(done, body.dry_run, as_json)


def copy_back(place: Place, at: str, target: str, *, dry_run: bool, as_json: bool) -> None:
    """Copy what was at *place* at a moment to *target*, or only tell how much that is."""
    if dry_run:
        _tell_size(place, at, as_json=as_json)
        return
    body = files.Copy(place.path, target, at)
    url = f"/spaces/{place.space}/copies"
    change = ask(lambda client: client.ask("POST", url, files.Changed, body=body), as_json=as_json)
    if as_json:
        output.document(change)
        return
    output.hint(_("Restored: {path}").format(path=output.printable(change.entry.path)))
    hint_undo([change.undo])


def _tell_size(place: Place, at: str, *, as_json: bool) -> None:
    query = {"at": at}
    usage = ask(lambda client: client.ask("GET", place.url("usage"), files.Usage, query=query), as_json=as_json)
    if as_json:
        output.document(usage)
        return
    output.data(output.extent(usage.files, usage.folders, usage.logical_bytes))


def _url(space: str) -> str:
    return f"/spaces/{quote(space, safe='')}/snapshots"


def _line(each: wire.Differing) -> str:
    path = each.after or each.before or ""
    name = f"{path}/" if each.kind == "folder" else path
    line = f"{_SIGNS[each.how]} {output.printable(name)}"
    if each.how == "moved":
        line = f"{_SIGNS[each.how]} {output.printable(each.before or '')} → {output.printable(name)}"
    sizes = [format_bytes(size) for size in (each.size_before, each.size_after) if size is not None]
    return f"{line}  {' → '.join(dict.fromkeys(sizes))}".rstrip()
