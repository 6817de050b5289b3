"""Looking at files and folders, and changing where they are."""

from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Annotated

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Conflict, Invalid, NotFound
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import files as wire
from cloudconnect.wire import metadata
from cloudconnect_cli import output
from cloudconnect_cli.commands import bulk
from cloudconnect_cli.commands.completing import RemotePath, remote_paths
from cloudconnect_cli.commands.crossing import Done, cross, show_done
from cloudconnect_cli.commands.finding import show_tags
from cloudconnect_cli.commands.running import AsJson, At, Yes, ask
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import Place, parse_place
from cloudconnect_cli.undoing import hint_undo

Parents = Annotated[bool, typer.Option("--parents", "-p", help=_("Make missing folders on the way."))]
Replace = Annotated[bool, typer.Option("--replace", help=_("What is at the target goes to the trash."))]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("ls", epilog=_("Example: cloudconnect ls -l /Documents --at yesterday"))(ls)
    app.command("tree", epilog=_("Example: cloudconnect tree /Documents"))(tree)
    app.command("stat", epilog=_("Example: cloudconnect stat /Documents/plan.txt --json"))(stat)
    app.command("cat", epilog=_("Example: cloudconnect cat /Documents/plan.txt | less"))(cat)
    app.command("mkdir", epilog=_("Example: cloudconnect mkdir -p /Photos/2026/Summer"))(mkdir)
    app.command("mv", epilog=_("Example: cloudconnect mv /plan.txt /Documents/"))(mv)
    app.command("cp", epilog=_("Example: cloudconnect cp /Documents /Documents-before --at 3h"))(cp)


def ls(
    path: RemotePath = "/",
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


def tree(path: RemotePath = "/", at: At = None, as_json: AsJson = False) -> None:
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


def stat(path: RemotePath, at: At = None, as_json: AsJson = False) -> None:
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


def cat(path: RemotePath, at: At = None) -> None:
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
    recursive: bulk.Recursive = False,
    dry_run: bulk.DryRun = False,
    expect: bulk.Expect = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Move or rename; into the target if that is a folder; from SPACE:/path to another space too."""
    if where is not None:
        folder = bulk.only_folder(sources)
        target = parse_place(into) if into else Place(folder.space, "")
        if target.space != folder.space:
            raise Invalid(
                N_("What --where selects moves within its space."), fix=N_("Move it into the other one path by path.")
            )
        if replace:
            raise Invalid(N_("What --where selects replaces nothing."), fix=N_("Leave --replace out."))
        body = metadata.BulkEdit(
            where=where,
            action="move",
            path=folder.path,
            into=target.path,
            recursive=recursive,
            expect=expect,
        )
        question = _("Move {items} items ({size})?")
        bulk.edit(target.space, body, question, is_dry=dry_run, is_confirmed=yes, as_json=as_json)
        return
    bulk.require_where(into=bool(into), recursive=recursive, expect=expect is not None)
    if dry_run:
        _show_moves(ask(lambda client: _look(client, sources or [], replace=replace), as_json=as_json), as_json)
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


async def _look(client: Client, paths: list[str], *, replace: bool) -> list[dict[str, str]]:
    """Return what would go where.

    Raises:
        NotFound: a source is not there.
        Conflict: something is in the place of one, and is not to be replaced.
    """
    pairs = await _pairs(client, paths)
    for source, target in pairs:
        entry = await client.ask("GET", source.url("entries"), wire.Entry)
        try:
            there = await client.ask("GET", target.url("entries"), wire.Entry)
        except NotFound:
            continue
        if there.id != entry.id and not replace:
            raise Conflict(
                N_("“{path}” exists already."), fix=N_("Choose another name, or use --replace."), path=there.path
            )
    return [{"source": str(source), "target": str(target)} for source, target in pairs]


def _show_moves(moves: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        output.document(moves)
        return
    for each in moves:
        output.data(f"{output.printable(each['source'])} → {output.printable(each['target'])}")


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


def _name(entry: wire.Entry) -> str:
    return f"{entry.name}/" if entry.kind == "folder" else entry.name


def _size(entry: wire.Entry) -> str:
    return "-" if entry.size is None else format_bytes(entry.size)
