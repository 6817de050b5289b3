"""Looking at files and folders, and changing where they are."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePosixPath
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
from cloudconnect_cli.commands.crossing import Done, cross, show_done
from cloudconnect_cli.commands.finding import show_tags
from cloudconnect_cli.commands.history import DryRun, SkipConflicts
from cloudconnect_cli.commands.past import copy_back, give_back
from cloudconnect_cli.commands.running import AsJson, At, Yes, ask, confirm
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import Place, parse_place
from cloudconnect_cli.undoing import hint_undo

Path = Annotated[
    str,
    typer.Argument(help=_("A path, such as /Documents; SPACE:/path in another space."), autocompletion=remote_paths),
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help=_("Folders with all they hold."))]
Parents = Annotated[bool, typer.Option("--parents", "-p", help=_("Make missing folders on the way."))]
Replace = Annotated[bool, typer.Option("--replace", help=_("What is at the target goes to the trash."))]

trash = typer.Typer(no_args_is_help=True, help=_("What was removed and can be restored."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("ls", epilog=_("Example: cloudconnect ls -l /Documents --at yesterday"))(ls)
    app.command("tree", epilog=_("Example: cloudconnect tree /Documents"))(tree)
    app.command("stat", epilog=_("Example: cloudconnect stat /Documents/plan.txt --json"))(stat)
    app.command("cat", epilog=_("Example: cloudconnect cat /Documents/plan.txt | less"))(cat)
    app.command("mkdir", epilog=_("Example: cloudconnect mkdir -p /Photos/2026/Summer"))(mkdir)
    app.command("mv", epilog=_("Example: cloudconnect mv /plan.txt /Documents/"))(mv)
    app.command("cp", epilog=_("Example: cloudconnect cp /Documents /Documents-before --at 3h"))(cp)
    app.command("rm", epilog=_("Example: cloudconnect rm -r /Documents/old"))(rm)
    app.command("restore", epilog=_("Example: cloudconnect restore /Documents/plan.txt"))(restore)
    trash.command("list", epilog=_("Example: cloudconnect trash list"))(trash_list)
    trash.command("restore", epilog=_("Example: cloudconnect trash restore /Documents/plan.txt"))(restore)
    app.add_typer(trash, name="trash")


def ls(
    path: Path = "/",
    long: Annotated[bool, typer.Option("--long", "-l", help=_("Sizes, times and tags too."))] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """List a folder."""
    place = parse_place(path)

    async def entries(client: Client) -> AsyncIterator[wire.Entry]:
        entry = await client.ask("GET", place.url("entries"), wire.Entry, query={"at": at})
        if entry.kind == "file":
            yield entry
            return
        async for each in client.list(place.url("children"), wire.Entry, query={"at": at}):
            yield each

    async def act(client: Client) -> list[wire.Entry]:
        if as_json or long:
            return [each async for each in entries(client)]
        # A long list begins while the rest of it is on its way; columns have to see all of it first.
        async for each in entries(client):
            output.data(output.printable(_name(each)))
        return []

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
    elif long:
        rows = [(_size(each), output.local_time(each.modified), _name(each), show_tags(each)) for each in found]
        output.table((N_(" Size"), N_("Modified"), N_("Name"), N_("Tags")), rows)


def tree(path: Path = "/", at: At = None, as_json: AsJson = False) -> None:
    """Show everything below a folder."""
    place = parse_place(path)

    async def act(client: Client) -> int:
        count = 0
        if as_json:
            output.document([each async for each in client.list(place.url("tree"), wire.Entry, query={"at": at})])
            return 0
        top = await client.ask("GET", place.url("entries"), wire.Entry, query={"at": at})
        depth = top.path.rstrip("/").count("/")
        output.data(output.printable(top.path))
        async for each in client.list(place.url("tree"), wire.Entry, query={"at": at}):
            output.data("  " * (each.path.count("/") - depth) + output.printable(_name(each)))
            count += 1
        return count

    ask(act, as_json=as_json)


def stat(path: Path, at: At = None, as_json: AsJson = False) -> None:
    """Tell everything about one file or folder."""
    place = parse_place(path)
    entry = ask(lambda client: client.ask("GET", place.url("entries"), wire.Entry, query={"at": at}), as_json=as_json)
    if as_json:
        output.document(entry)
        return
    facts = [
        (_("Path"), entry.path),
        (_("Kind"), _("file") if entry.kind == "file" else _("folder")),
        (_("Size"), "-" if entry.size is None else f"{format_bytes(entry.size)} ({entry.size})"),
        (_("Modified"), entry.modified),
        (_("Type"), entry.media_type or "-"),
        ("SHA-256", entry.sha256 or "-"),
        (_("Tags"), show_tags(entry) or "-"),
        (_("Version"), "-" if entry.version is None else str(entry.version)),
        (_("Id"), entry.id),
    ]
    width = max(len(name) for name, _value in facts)
    for name, value in facts:
        output.data(f"{name:{width}}  {output.printable(value)}")


def cat(path: Path, at: At = None) -> None:
    """Print the content of a file."""
    place = parse_place(path)

    async def act(client: Client) -> None:
        async with client.send("GET", place.url("content"), query={"at": at}) as response:
            async for piece in response.content.iter_any():
                output.raw(piece)

    ask(act)


def mkdir(
    paths: Annotated[list[str], typer.Argument(help=_("Paths of folders."), autocompletion=remote_paths)],
    parents: Parents = False,
    as_json: AsJson = False,
) -> None:
    """Make folders."""

    async def act(client: Client) -> list[wire.Changed]:
        places = [parse_place(path) for path in paths]
        return [
            await client.ask("POST", place.url("folders"), wire.Changed, query={"parents": parents}) for place in places
        ]

    changes = ask(act, as_json=as_json)
    if as_json:
        output.document(changes)
    else:
        hint_undo(each.undo for each in changes)


def mv(
    sources: Annotated[
        list[str] | None, typer.Argument(help=_("What to move, then where to."), autocompletion=remote_paths)
    ] = None,
    replace: Replace = False,
    where: bulk.Where = None,
    into: Annotated[
        str, typer.Option("--into", help=_("The folder for what --where selects."), autocompletion=remote_paths)
    ] = "",
    recursive: Recursive = False,
    dry_run: bulk.DryRun = False,
    expect: bulk.Expect = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Move or rename; into the target if that is a folder; from SPACE:/path to another space too."""
    if where is not None:
        target = parse_place(into) if into else Place("personal", "")
        body = metadata.BulkEdit(
            where=where, action="move", path=_only(sources).path, into=target.path, recursive=recursive, expect=expect
        )
        question = _("Move {items} items ({size})?")
        bulk.edit(target.space, body, question, is_dry=dry_run, is_confirmed=yes, as_json=as_json)
        return

    async def act(client: Client) -> list[Done]:
        done: list[Done] = []
        for source, target in await _pairs(client, sources or []):
            if source.space != target.space:
                done.append(await cross(client, source, target, move=True, at=None, replace=replace))
                continue
            body = wire.Move(source.path, target.path, replace)
            done.append(await client.ask("POST", f"/spaces/{source.space}/moves", wire.Changed, body=body))
        return done

    show_done(ask(act, as_json=as_json), as_json=as_json)


def cp(
    sources: Annotated[list[str], typer.Argument(help=_("What to copy, then where to."), autocompletion=remote_paths)],
    at: At = None,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Copy files and folders on the server, without sending any content; from SPACE:/path to another space too."""

    async def act(client: Client) -> list[Done]:
        done: list[Done] = []
        for source, target in await _pairs(client, sources):
            if source.space != target.space:
                done.append(await cross(client, source, target, move=False, at=at, replace=replace))
                continue
            body = wire.Copy(source.path, target.path, at, replace)
            done.append(await client.ask("POST", f"/spaces/{source.space}/copies", wire.Changed, body=body))
        return done

    show_done(ask(act, as_json=as_json), as_json=as_json)


def rm(
    paths: Annotated[list[str] | None, typer.Argument(help=_("What to remove."), autocompletion=remote_paths)] = None,
    recursive: Recursive = False,
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
        place = _only(paths)
        body = metadata.BulkEdit(where=where, action="trash", path=place.path, recursive=recursive, expect=expect)
        question = _("Put {items} items ({size}) into the trash?")
        bulk.edit(place.space, body, question, is_dry=dry_run, is_confirmed=yes, as_json=as_json)
        return
    if not paths or dry_run:
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
    if recursive and any(each.entry.kind == "folder" for each in found):
        question = _("Put {files} files ({size}) into the trash?").format(files=files, size=format_bytes(size))
        confirm(question, is_confirmed=yes)
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


def _show_removed(removed: list[wire.TrashedBy], as_json: bool) -> None:
    if as_json:
        output.document(removed)
        return
    for each in removed:
        hint = _("In the trash: {path}. Get it back with: cloudconnect restore '{path}'")
        output.hint(hint.format(path=output.printable(each.trashed.path)))
    hint_undo(each.undo for each in removed)


def trash_list(path: Path = "/", as_json: AsJson = False) -> None:
    """List the trash, last removed first."""
    place = parse_place(path)

    async def act(client: Client) -> list[wire.Trashed]:
        return [each async for each in client.list(f"/spaces/{place.space}/trash", wire.Trashed)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(output.local_time(each.trashed), each.trashed_by, each.path, each.id) for each in found]
    output.table((N_("Removed"), N_("By"), N_("Path"), N_("Id")), rows)


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
    if at is not None and to is not None:
        copy_back(place, at, parse_place(to).path, dry_run=dry_run, as_json=as_json)
        return
    if at is not None:
        body = GiveBack(place.path, at, keep_new, skip_conflicts, dry_run)
        give_back(place, body, as_json=as_json)
        return

    async def act(client: Client) -> wire.Changed:
        node = quote(what, safe="") if what.startswith("nod_") else await _find_trashed(client, place)
        target = None if to is None else parse_place(to).path
        path = f"/spaces/{place.space}/trash/{node}/restore"
        return await client.ask("POST", path, wire.Changed, body=wire.Restore(target))

    change = ask(act, as_json=as_json)
    if as_json:
        output.document(change)
    else:
        output.hint(_("Restored: {path}").format(path=output.printable(change.entry.path)))
        hint_undo([change.undo])


def _only(paths: list[str] | None) -> Place:
    """Return the folder to select in: the root, or the one path beside --where."""
    if paths is not None and len(paths) > 1:
        raise Invalid(N_("Name one folder beside --where at most."), fix=N_("Select by path: with OR between them."))
    return parse_place(paths[0] if paths else "/")


async def _pairs(client: Client, paths: list[str]) -> list[tuple[Place, Place]]:
    """Return what goes where: into the last path if that is a folder, else onto it."""
    if len(paths) < 2:  # noqa: PLR2004 - a source and a target
        raise Invalid(N_("Name what, and then where to."), fix=N_("See: cloudconnect mv --help"))
    *sources, target = [parse_place(path) for path in paths or ["/"]]
    is_folder = target.path.endswith("/")
    try:
        is_folder = (await client.ask("GET", target.url("entries"), wire.Entry)).kind == "folder"
    except NotFound:
        if is_folder:
            raise
    if len(sources) > 1 and not is_folder:
        raise Conflict(N_("“{path}” is not a folder."), fix=N_("Make it first: cloudconnect mkdir"), path=target.path)
    if not is_folder:
        return [(sources[0], target)]
    return [
        (source, Place(target.space, f"{target.path.rstrip('/')}/{PurePosixPath(source.path).name}"))
        for source in sources
    ]


async def _find_trashed(client: Client, place: Place) -> str:
    async for each in client.list(f"/spaces/{place.space}/trash", wire.Trashed):
        if each.path == place.path.rstrip("/"):
            return each.id
    raise NotFound(N_("“{path}” is not in the trash."), fix=N_("See what is: cloudconnect trash list"), path=place.path)


def _name(entry: wire.Entry) -> str:
    return f"{entry.name}/" if entry.kind == "folder" else entry.name


def _size(entry: wire.Entry) -> str:
    return "-" if entry.size is None else format_bytes(entry.size)
