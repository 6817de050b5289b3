"""Tags, fields, favourites, times and hashes of files."""

from typing import Annotated, Literal, cast, get_args
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.clock import SystemClock, format_ns
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.wire import files
from cloudconnect.wire import metadata as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands import bulk
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.finding import show_tag
from cloudconnect_cli.commands.running import AsJson, At, Space, Yes, ask
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import parse_place
from cloudconnect_cli.undoing import hint_undo

_Kind = Literal["text", "number", "date", "choice"]
_OWN = "personal"

Path = Annotated[str, typer.Argument(help=_("A path; SPACE:/path in another space."), autocompletion=remote_paths)]
Paths = Annotated[list[str], typer.Argument(help=_("Paths."), autocompletion=remote_paths)]
Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[PATH] TAG...", help=_("A path, unless --where is given, and tags."), autocompletion=remote_paths
    ),
]

tag = typer.Typer(no_args_is_help=True, help=_("Words on files and folders: labels, and names with a value."))
field = typer.Typer(no_args_is_help=True, help=_("What values the tags of a space may have."))
fav = typer.Typer(no_args_is_help=True, help=_("Your favourites, which nobody else sees."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    tag.command("add", epilog=_("Example: cloudconnect tag add /Legal/a.pdf invoice amount=120.50"))(tag_add)
    tag.command("remove", epilog=_("Example: cloudconnect tag remove /Legal/a.pdf invoice"))(tag_remove)
    tag.command("list", epilog=_("Example: cloudconnect tag list /Legal/a.pdf"))(tag_list)
    field.command("set", epilog=_("Example: cloudconnect field set state choice open paid"))(field_set)
    field.command("remove", epilog=_("Example: cloudconnect field remove state"))(field_remove)
    field.command("list", epilog=_("Example: cloudconnect field list"))(field_list)
    fav.command("add", epilog=_("Example: cloudconnect fav add /Documents/plan.txt"))(fav_add)
    fav.command("remove", epilog=_("Example: cloudconnect fav remove /Documents/plan.txt"))(fav_remove)
    fav.command("list", epilog=_("Example: cloudconnect fav list"))(fav_list)
    app.add_typer(tag, name="tag")
    app.add_typer(field, name="field")
    app.add_typer(fav, name="fav")
    app.command("sum", epilog=_("Example: cloudconnect sum --blake3 /Documents/plan.txt"))(checksum)
    app.command("touch", epilog=_("Example: cloudconnect touch /plan.txt --modified 2026-11-01T12:00:00Z"))(touch)


def tag_add(
    words: Words,
    where: bulk.Where = None,
    dry_run: bulk.OnlyWhere = False,
    expect: bulk.Expect = None,
    space: Space = _OWN,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put tags on a file or folder, or on all that --where selects; a tag of the same name gets the new value."""
    if where is not None:
        body = wire.BulkEdit(where=where, action="tag", add=[_read(word) for word in words], expect=expect)
        _tag_all(space, body, is_dry=dry_run, is_confirmed=yes, as_json=as_json)
        return
    bulk.require_where(dry_run=dry_run, expect=expect is not None, space=space != _OWN)
    path, *texts = _path_and(words)
    _change(path, wire.TagChange(add=[_read(text) for text in texts]), as_json=as_json)


def tag_remove(
    words: Words,
    where: bulk.Where = None,
    dry_run: bulk.OnlyWhere = False,
    expect: bulk.Expect = None,
    space: Space = _OWN,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take tags off a file or folder, or off all that --where selects."""
    if where is not None:
        body = wire.BulkEdit(where=where, action="tag", remove=words, expect=expect)
        _tag_all(space, body, is_dry=dry_run, is_confirmed=yes, as_json=as_json)
        return
    bulk.require_where(dry_run=dry_run, expect=expect is not None, space=space != _OWN)
    path, *names = _path_and(words)
    _change(path, wire.TagChange(remove=names), as_json=as_json)


def tag_list(
    path: Annotated[
        str | None, typer.Argument(help=_("A path; all tags of the space if none."), autocompletion=remote_paths)
    ] = None,
    at: At = None,
    space: Space = _OWN,
    as_json: AsJson = False,
) -> None:
    """List the tags of a file or folder, or those that a space uses."""
    if path is not None:
        if space != _OWN:
            raise Invalid(N_("A path says itself in which space it is."), fix=N_("Write it like this: SPACE:/path"))
        place = parse_place(path)
        found = ask(lambda client: client.ask("GET", place.url("tags"), wire.Tags, query={"at": at}), as_json=as_json)
        _show(found.tags, as_json=as_json)
        return

    async def act(client: Client) -> list[wire.TagUse]:
        return [each async for each in client.list(f"/spaces/{quote(space, safe='')}/tags", wire.TagUse)]

    used = ask(act, as_json=as_json)
    if as_json:
        output.document(used)
    else:
        output.table((N_("Tag"), N_(" Used")), [(each.name, str(each.entries)) for each in used])


def field_set(
    name: Annotated[str, typer.Argument(help=_("The name of the tags that are meant."))],
    kind: Annotated[str, typer.Argument(help=_("text, number, date or choice."))],
    choices: Annotated[list[str] | None, typer.Argument(help=_("What can be chosen, for a choice."))] = None,
    space: Space = _OWN,
    as_json: AsJson = False,
) -> None:
    """Say what values the tags of one name may have in a space."""
    if kind not in get_args(_Kind):
        raise Invalid(N_("“{kind}” is no kind of field."), fix=N_("Say text, number, date or choice."), kind=kind)
    body = wire.NewField(cast("_Kind", kind), choices or [])
    url = _field_url(space, name)
    found = ask(lambda client: client.ask("PUT", url, wire.ChangedField, body=body), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        hint_undo([found.undo])


def field_remove(
    name: Annotated[str, typer.Argument(help=_("The name of the tags that are meant."))],
    space: Space = _OWN,
    as_json: AsJson = False,
) -> None:
    """Let tags of one name have any value again; the tags stay."""
    found = ask(lambda client: client.ask("DELETE", _field_url(space, name), wire.ChangedFields), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        hint_undo([found.undo])


def field_list(space: Space = _OWN, as_json: AsJson = False) -> None:
    """List what a space says about the values of tags."""
    url = f"/spaces/{quote(space, safe='')}/fields"
    found = ask(lambda client: client.ask("GET", url, wire.Fields), as_json=as_json).fields
    if as_json:
        output.document(found)
    else:
        rows = [(each.name, each.kind, ", ".join(each.choices)) for each in found]
        output.table((N_("Name"), N_("Kind"), N_("Choices")), rows)


def fav_add(paths: Paths, as_json: AsJson = False) -> None:
    """Make files and folders your favourites."""

    async def act(client: Client) -> list[files.Entry]:
        return [await client.ask("PUT", parse_place(path).url("favourites"), files.Entry) for path in paths]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)


def fav_remove(paths: Paths, as_json: AsJson = False) -> None:
    """Let files and folders be favourites no longer."""

    async def act(client: Client) -> None:
        for path in paths:
            await client.ask("DELETE", parse_place(path).url("favourites"), type(None))

    ask(act, as_json=as_json)


def fav_list(as_json: AsJson = False) -> None:
    """List your favourites."""

    async def act(client: Client) -> list[wire.Favourite]:
        return [each async for each in client.list("/favourites", wire.Favourite)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    output.table((N_("Space"), N_("Path")), [(each.space, each.entry.path) for each in found])


def checksum(
    paths: Paths,
    blake3: Annotated[bool, typer.Option("--blake3", help=_("BLAKE3, which may have to be computed first."))] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Print the SHA-256 of files, or their BLAKE3, as sha256sum and b3sum do."""
    query = {"at": at, "checksum": "blake3" if blake3 else None}

    async def act(client: Client) -> list[files.Entry]:
        return [await client.ask("GET", parse_place(path).url("entries"), files.Entry, query=query) for path in paths]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    for entry in found:
        digest = entry.blake3 if blake3 else entry.sha256
        if digest is None:
            raise Invalid(N_("“{path}” is a folder."), fix=N_("Name files in it."), path=entry.path)
        output.data(f"{digest}  {output.printable(entry.path)}")


def touch(
    paths: Paths,
    modified: Annotated[
        str | None, typer.Option("--modified", help=_("When: 2026-11-01 or 2026-11-01T12:00:00Z; now if none."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say when files and folders were modified; their content stays the same."""
    moment = modified or format_ns(round(SystemClock().now().timestamp() * 1_000_000) * 1_000)
    body = wire.Touch(moment if "T" in moment.upper() else f"{moment}T00:00:00Z")

    async def act(client: Client) -> list[files.Changed]:
        return [await client.ask("PATCH", parse_place(path).url("entries"), files.Changed, body=body) for path in paths]

    changes = ask(act, as_json=as_json)
    if as_json:
        output.document(changes)


def _change(path: str, body: wire.TagChange, *, as_json: bool) -> None:
    place = parse_place(path)
    found = ask(lambda client: client.ask("POST", place.url("tags"), wire.Tags, body=body), as_json=as_json)
    _show(found.tags, as_json=as_json)
    if found.undo and not as_json:
        hint_undo([found.undo])


def _tag_all(space: str, body: wire.BulkEdit, *, is_dry: bool, is_confirmed: bool, as_json: bool) -> None:
    question = _("Change the tags of {items} items?")
    bulk.edit(quote(space, safe=""), body, question, is_dry=is_dry, is_confirmed=is_confirmed, as_json=as_json)


def _show(tags: list[files.Tag], *, as_json: bool) -> None:
    if as_json:
        output.document(tags)
        return
    for each in tags:
        output.data(output.printable(show_tag(each)))


def _read(text: str) -> wire.NewTag:
    name, separator, value = text.partition("=")
    return wire.NewTag(name, value if separator else None)


def _path_and(words: list[str]) -> list[str]:
    if len(words) < 2:  # noqa: PLR2004 - a path and a tag
        raise Invalid(N_("Name a path, and then tags."), fix=N_("See: cloudconnect tag --help"))
    return words


def _field_url(space: str, name: str) -> str:
    return f"/spaces/{quote(space, safe='')}/fields/{quote(name, safe='')}"
