"""Removing files and folders, and bringing them back from the trash."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Conflict, Invalid, NotFound
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import files as wire
from cloudconnect.wire import metadata
from cloudconnect.wire.history import GiveBack
from cloudconnect_cli import output
from cloudconnect_cli.commands import bulk
from cloudconnect_cli.commands.brake import announce
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.history import DryRun, SkipConflicts
from cloudconnect_cli.commands.past import copy_back, give_back
from cloudconnect_cli.commands.running import AsJson, At, Yes, ask, confirm
from cloudconnect_cli.i18n import _, counted
from cloudconnect_cli.places import Place, parse_place
from cloudconnect_cli.undoing import hint_undo


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("rm", epilog=_("Example: cloudconnect rm -r /Documents/old"))(rm)
    app.command("restore", epilog=_("Example: cloudconnect restore /Documents/plan.txt"))(restore)


def rm(
    paths: Annotated[list[str] | None, typer.Argument(help=_("What to remove."), autocompletion=remote_paths)] = None,
    recursive: bulk.Recursive = False,
    where: bulk.Where = None,
    dry_run: bulk.DryRun = False,
    expect: Annotated[
        int | None, typer.Option("--expect", min=0, help=_("Refuse unless so many go; the brake lets them pass."))
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put files and folders into the trash."""
    if where is not None:
        place = bulk.only_folder(paths)
        body = metadata.BulkEdit(where=where, action="trash", path=place.path, recursive=recursive, expect=expect)
        question = _("Put {items} items ({size}) into the trash?")
        bulk.edit(place.space, body, question, is_dry=dry_run, is_confirmed=yes, as_json=as_json)
        return
    if not paths:
        raise Invalid(N_("Name what to remove, or select it with --where."), fix=N_("See: cloudconnect rm --help"))
    places = [parse_place(path) for path in paths]
    found = ask(lambda client: _look(client, places, recursive=recursive), as_json=as_json)
    files, size = sum(each.usage.files for each in found), sum(each.usage.logical_bytes for each in found)
    if expect not in {None, files}:
        raise Conflict(
            N_("That is {files} files, and {expected} were expected."),
            fix=N_("Look what is there: cloudconnect du"),
            files=files,
            expected=expect,
        )
    if dry_run:
        _show_doomed(found, as_json)
        return
    if recursive and any(each.entry.kind == "folder" for each in found):
        question = _("Put {files} ({size}) into the trash?")
        told = counted("{count} file", "{count} files", files)
        confirm(question.format(files=told, size=format_bytes(size)), is_confirmed=yes)
    _show_removed(ask(lambda client: _remove(client, found, is_meant=expect is not None), as_json=as_json), as_json)


@dataclass(frozen=True, slots=True)
class _Doomed:
    """What is to be removed, as it was seen, and how much that is."""

    place: Place
    entry: wire.Entry
    usage: wire.Usage


async def _look(client: Client, places: list[Place], *, recursive: bool) -> list[_Doomed]:
    found = []
    for place in places:
        entry = await client.ask("GET", place.url("entries"), wire.Entry)
        if entry.kind == "folder" and not recursive:
            raise Conflict(
                N_("“{path}” is a folder."), fix=N_("Use -r to remove it with all it holds."), path=entry.path
            )
        found.append(_Doomed(place, entry, await client.ask("GET", place.url("usage"), wire.Usage)))
    return found


async def _remove(client: Client, found: list[_Doomed], *, is_meant: bool) -> list[wire.TrashedBy]:
    """Remove what was *found*, unless it is another one by now; the brake is told of it if it *is meant*."""
    if is_meant:
        for space in {each.place.space for each in found}:
            await announce(client, space, sum(each.usage.files for each in found if each.place.space == space))
    return [
        await client.ask(
            "DELETE", each.place.url("entries"), wire.TrashedBy, headers={"If-Match": f'"{each.entry.etag}"'}
        )
        for each in found
    ]


def _show_doomed(found: list[_Doomed], as_json: bool) -> None:
    usages = [each.usage for each in found]
    if as_json:
        output.document(usages)
        return
    for each in found:
        output.data(output.printable(str(each.place)))
    files, folders, size = (
        sum(getattr(usage, name) for usage in usages) for name in ("files", "folders", "logical_bytes")
    )
    output.hint(output.extent(files, folders, size))


def _show_removed(removed: list[wire.TrashedBy], as_json: bool) -> None:
    if as_json:
        output.document(removed)
        return
    for each in removed:
        hint = _("In the trash: {path}. Get it back with: cloudconnect restore '{path}'")
        output.hint(hint.format(path=output.printable(each.trashed.path)))
    hint_undo(each.undo for each in removed)


def restore(
    what: Annotated[str, typer.Argument(help=_("The path it had, or its id from: trash list."))],
    to: Annotated[str | None, typer.Option("--to", help=_("Another path to restore it to."))] = None,
    at: At = None,
    keep_new: Annotated[bool, typer.Option("--keep-new", help=_("With --at: keep what was not there then."))] = False,
    skip_conflicts: SkipConflicts = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring something back from the trash, or with --at a file or folder as it was at a moment."""
    place = parse_place(what)
    if at is None and (keep_new or skip_conflicts or dry_run):
        raise Invalid(N_("This goes together with --at."), fix=N_("Name a moment, such as: --at yesterday"))
    if to is not None and (keep_new or skip_conflicts):
        raise Invalid(
            N_("A copy beside it leaves all else as it is."), fix=N_("Leave --keep-new and --skip-conflicts out.")
        )
    if at is not None and to is not None:
        copy_back(place, at, parse_place(to).path, dry_run=dry_run, as_json=as_json)
        return
    if at is not None:
        body = GiveBack(place.path, at, keep_new, skip_conflicts, dry_run)
        give_back(place, body, as_json=as_json)
        return

    async def act(client: Client) -> wire.Changed:
        space, node = await find_trashed(client, what)
        target = None if to is None else parse_place(to).path
        path = f"/spaces/{space}/trash/{node}/restore"
        return await client.ask("POST", path, wire.Changed, body=wire.Restore(target))

    change = ask(act, as_json=as_json)
    if as_json:
        output.document(change)
    else:
        output.hint(_("Restored: {path}").format(path=output.printable(change.entry.path)))
        hint_undo([change.undo])


async def find_trashed(client: Client, what: str) -> tuple[str, str]:
    """Return the space of *what* and its id: an id itself, or the path of which the last removed is meant.

    Raises:
        NotFound: nothing in the trash was there.
    """
    space, separator, node = what.rpartition(":")
    if node.startswith("nod_"):
        return quote(space, safe="") if separator else "personal", quote(node, safe="")
    place = parse_place(what)
    async for each in client.list(f"/spaces/{place.space}/trash", wire.Trashed):
        if each.path == place.path.rstrip("/"):
            return place.space, each.id
    raise NotFound(N_("“{path}” is not in the trash."), fix=N_("See what is: cloudconnect trash list"), path=place.path)
