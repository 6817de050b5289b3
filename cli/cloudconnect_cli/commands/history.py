"""Taking back what was done."""

from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import auth, developer, sessions
from cloudconnect.wire import history as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.running import AsJson, Space, Yes, ask, confirm
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import parse_place
from cloudconnect_cli.undoing import hint_undo

DryRun = Annotated[bool, typer.Option("--dry-run", help=_("Only tell what would happen."))]
SkipConflicts = Annotated[
    bool, typer.Option("--skip-conflicts", help=_("Leave what stands in the way as it is, and put back the rest."))
]

_LISTED = 20
_SHOWN_HINDRANCES = 20
_REASONS = {
    "changed-later": N_("changed later"),
    "name-taken": N_("something else has its name"),
    "folder-gone": N_("its folder is gone"),
    "into-itself": N_("it would lie below itself"),
    "holds-newer": N_("holds something that came later"),
    "purged": N_("the trash no longer holds it"),
    "version-gone": N_("its earlier content is no longer kept"),
    "set-later": N_("set to something else later"),
    "not-allowed": N_("you may not change what is set for the space"),
    "locked": N_("somebody else has locked it, or what is in it"),
}
_KINDS = {
    "files.file-written": N_("wrote"),
    "files.folder-added": N_("made folder"),
    "files.entry-moved": N_("moved"),
    "files.entry-copied": N_("copied"),
    "files.entry-trashed": N_("removed"),
    "files.entry-restored": N_("restored"),
    "files.folder-returned": N_("brought back"),
    "files.change-undone": N_("rolled back"),
    "files.tagged": N_("tagged"),
    "files.untagged": N_("untagged"),
    "files.space-renamed": N_("renamed space"),
    "files.space-archived": N_("archived space"),
    "files.space-unarchived": N_("unarchived space"),
    "files.quota-set": N_("set quota"),
    "files.retention-set": N_("set policy"),
    "files.brake-set": N_("set brake"),
    "files.field-set": N_("set field"),
    "files.field-removed": N_("removed field"),
    "files.snapshot-named": N_("named snapshot"),
    "files.snapshot-removed": N_("removed snapshot"),
    "files.version-pinned": N_("pinned version"),
    "files.properties-changed": N_("set properties"),
}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("undo", epilog=_("Example: cloudconnect undo 3"))(undo)
    app.command("rollback", epilog=_("Example: cloudconnect rollback --session ses_01J… --dry-run"))(rollback)


def undo(
    what: Annotated[
        str, typer.Argument(metavar="[N|TOKEN]", help=_("How many of your last changes, or the token of one."))
    ] = "1",
    is_list: Annotated[bool, typer.Option("--list", help=_("List your last changes that can be undone."))] = False,
    space: Space = "personal",
    skip_conflicts: SkipConflicts = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take back your last change, or another one; what others changed since is never overwritten."""
    if is_list:
        _list_undoable(quote(space, safe=""), as_json=as_json)
        return
    if what.isascii() and what.isdigit():
        body = wire.Undo(last=_count(what), skip_conflicts=skip_conflicts, dry_run=dry_run)
    else:
        # A token says in which space it was given out.
        space = what.partition(".")[0]
        body = wire.Undo(token=what, skip_conflicts=skip_conflicts, dry_run=dry_run)
    url = f"/spaces/{quote(space, safe='')}/undo"
    report(ask(lambda client: client.ask("POST", url, wire.Reverted, body=body), as_json=as_json), dry_run, as_json)


def rollback(
    session: Annotated[list[str] | None, typer.Option("--session", help=_("What this session or token did."))] = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", help=_("What a device or token of this name or id did."))
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="USER", help=_("What this user did."))] = None,
    since: Annotated[str | None, typer.Option("--since", help=_("Only since then: 3h, 2026-11-01T12:00."))] = None,
    until: Annotated[str | None, typer.Option("--until", help=_("Only until then."))] = None,
    path: Annotated[
        str,
        typer.Option(
            "--path", help=_("Only in this folder; SPACE:/path in another space."), autocompletion=remote_paths
        ),
    ] = "/",
    skip_conflicts: SkipConflicts = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take back all that a session, a device, a user or a period did in a space."""
    place = parse_place(path)

    async def name(client: Client) -> wire.Rollback:
        ids = [*(session or []), *[each for named in device or [] for each in await _find_device(client, named)]]
        user = None if by is None else (await client.ask("GET", f"/users/{quote(by, safe='')}", auth.User)).id
        return wire.Rollback(ids, user, since, until, place.path, skip_conflicts, dry_run=True)

    async def look(client: Client) -> tuple[wire.Rollback, wire.Reverted]:
        body = await name(client)
        return body, await client.ask("POST", url, wire.Reverted, body=body)

    url = f"/spaces/{place.space}/rollback"
    body, planned = ask(look, as_json=as_json)
    if dry_run:
        report(planned, True, as_json)
        return
    confirm(f"{_summary(planned)}. {_('Go on?')}", is_confirmed=yes)
    wanted = wire.Rollback(body.sessions, body.by, body.since, body.until, body.path, skip_conflicts)
    done = ask(lambda client: client.ask("POST", url, wire.Reverted, body=wanted), as_json=as_json)
    report(done, False, as_json)


def report(reverted: wire.Reverted, is_dry_run: bool, as_json: bool) -> None:
    """Say what putting back did, or would do, what stood in the way, and how to take it back."""
    if as_json:
        output.document(reverted)
        return
    if is_dry_run:
        output.data(_summary(reverted))
        for each in reverted.hindrances:
            output.data(f"{output.printable(each.path)}: {_(_REASONS[each.reason])}")
        return
    output.hint(_summary(reverted))
    for each in reverted.hindrances[:_SHOWN_HINDRANCES]:
        output.hint(f"{output.printable(each.path)}: {_(_REASONS[each.reason])}")
    hint_undo([reverted.undo or ""])


def _summary(reverted: wire.Reverted) -> str:
    counts = (
        (_("{count} to the trash"), reverted.trashed),
        (_("{count} back from the trash"), reverted.restored),
        (_("{count} moved back"), reverted.moved),
        (_("{count} with earlier content"), reverted.rewritten),
        (_("{count} copied"), reverted.copied),
        (_("{count} with other tags"), reverted.retagged),
        (_("{count} set as before"), reverted.reset),
        (_("{count} conflicts"), reverted.conflicts),
    )
    parts = [sentence.format(count=count) for sentence, count in counts if count]
    return ", ".join([*parts, format_bytes(reverted.bytes)])


def _list_undoable(space: str, *, as_json: bool) -> None:
    async def act(client: Client) -> list[wire.Undoable]:
        query = {"limit": _LISTED}
        return [each async for each in client.list(f"/spaces/{space}/undo", wire.Undoable, query=query)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (output.local_time(each.at), _(_KINDS.get(each.kind, each.kind)), _more(each.path, each.facts), each.undo)
        for each in found
    ]
    output.table((N_("When"), N_("What"), N_("Path"), N_("Token")), rows)


def _more(path: str, facts: int) -> str:
    return path if facts == 1 else _("{path} and {count} more").format(path=path, count=facts - 1)


def _count(text: str) -> int:
    count = int(text[:6])
    if not 1 <= count <= 1_000:  # noqa: PLR2004 - as the API says
        raise Invalid(N_("Name from 1 to 1,000 changes."), fix=N_("See: cloudconnect undo --list"))
    return count


async def _find_device(client: Client, named: str) -> list[str]:
    """Return the ids of one's sessions and tokens on the device *named*, itself where it is no name of any."""
    found = [each.id async for each in client.list("/sessions", sessions.Session) if named in {each.device, each.id}]
    found += [each.id async for each in client.list("/tokens", developer.Token) if named in {each.name, each.id}]
    return found or [named]
