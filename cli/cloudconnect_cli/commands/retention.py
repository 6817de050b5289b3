"""Versions of files, how long they and the trash are kept, and what is given up."""

import difflib
from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import files
from cloudconnect.wire import operations as wire_operations
from cloudconnect.wire import retention as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands import operations
from cloudconnect_cli.commands.appliance import version as print_version
from cloudconnect_cli.commands.completing import remote_paths
from cloudconnect_cli.commands.running import AsJson, Space, Yes, ask, confirm
from cloudconnect_cli.i18n import _, counted
from cloudconnect_cli.places import Place, parse_place
from cloudconnect_cli.undoing import hint_undo

Path = Annotated[str, typer.Argument(help=_("The path of a file."), autocompletion=remote_paths)]
Seq = Annotated[int, typer.Argument(metavar="VERSION", help=_("The number of a version, from: version list."))]

_COMPARED_BYTES = 1 << 20

version = typer.Typer(invoke_without_command=True, help=_("The version of the program, and versions of files."))
policy = typer.Typer(no_args_is_help=True, help=_("How long versions and the trash are kept."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    version.callback(epilog=_("Example: cloudconnect version"))(show_program)
    version.command("list", epilog=_("Example: cloudconnect version list /plan.txt"))(version_list)
    version.command("show", epilog=_("Example: cloudconnect version show /plan.txt 120"))(version_show)
    version.command("diff", epilog=_("Example: cloudconnect version diff /plan.txt 120 134"))(version_diff)
    version.command("restore", epilog=_("Example: cloudconnect version restore /plan.txt 120"))(version_restore)
    version.command("pin", epilog=_("Example: cloudconnect version pin /plan.txt 120 --note signed"))(version_pin)
    version.command("unpin", epilog=_("Example: cloudconnect version unpin /plan.txt 120"))(version_unpin)
    version.command("remove", epilog=_("Example: cloudconnect version remove /plan.txt 120"))(version_remove)
    version.command("prune", epilog=_("Example: cloudconnect version prune --dry-run"))(version_prune)
    app.add_typer(version, name="version")
    policy.command("show", epilog=_("Example: cloudconnect policy show"))(policy_show)
    policy.command("set", epilog=_("Example: cloudconnect policy set --versions 'keep all 30d, daily 1y'"))(policy_set)
    policy.command("test", epilog=_("Example: cloudconnect policy test 'keep all 24h; never *.qcow2'"))(policy_test)
    app.add_typer(policy, name="policy")


def show_program(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the version of the program; the commands below are about versions of files."""
    if context.invoked_subcommand is None:
        print_version(as_json=as_json)


def version_list(path: Path, as_json: AsJson = False) -> None:
    """List the versions of a file, newest first."""
    place = parse_place(path)

    async def act(client: Client) -> list[wire.Version]:
        return [each async for each in client.list(place.url("versions"), wire.Version)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (str(each.seq), output.local_time(each.created), format_bytes(each.size), each.sha256[:12], _state(each))
        for each in found
    ]
    output.table((N_(" Version"), N_("Written"), N_(" Size"), N_("SHA-256"), N_("State")), rows)


def version_show(path: Path, seq: Seq) -> None:
    """Print the content of a version."""
    place = parse_place(path)

    async def act(client: Client) -> None:
        async with client.send("GET", place.url("content"), query={"version": seq}) as response:
            async for piece in response.content.iter_any():
                output.raw(piece)

    ask(act)


def version_diff(
    path: Path,
    old: Seq,
    new: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", help=_("Another one; what is there if none."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what differs between two versions of a text."""
    place = parse_place(path)

    async def act(client: Client) -> tuple[list[str], list[str]]:
        return await _lines(client, place, old), await _lines(client, place, new)

    before, after = ask(act, as_json=as_json)
    label = str(new) if new is not None else _("now")
    lines = list(difflib.unified_diff(before, after, f"{place.path} {old}", f"{place.path} {label}", lineterm=""))
    if as_json:
        output.document(lines)
        return
    for line in lines:
        output.data(output.printable(line))


def version_restore(path: Path, seq: Seq, as_json: AsJson = False) -> None:
    """Make an earlier version what the file holds now; what it holds becomes an earlier one."""
    place = parse_place(path)
    body = wire.VersionOf(place.path, seq)
    change = ask(
        lambda client: client.ask("POST", f"/spaces/{place.space}/version-restores", files.Changed, body=body),
        as_json=as_json,
    )
    if as_json:
        output.document(change)
        return
    output.hint(_("{path} holds version {seq} again.").format(path=output.printable(change.entry.path), seq=seq))
    hint_undo([change.undo])


def version_pin(
    path: Path,
    seq: Seq,
    note: Annotated[str, typer.Option("--note", help=_("Why it is kept."))] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a version whatever its age."""
    _pin(path, seq, note, as_json=as_json)


def version_unpin(path: Path, seq: Seq, as_json: AsJson = False) -> None:
    """Let a version age like the others."""
    _pin(path, seq, None, as_json=as_json)


def version_remove(path: Path, seq: Seq, yes: Yes = False, as_json: AsJson = False) -> None:
    """Give up the content of an earlier version, for good."""
    place = parse_place(path)
    question = _("Give up version {seq} of {path} for good?").format(seq=seq, path=output.printable(place.path))
    confirm(question, is_confirmed=yes)
    body = wire.VersionOf(place.path, seq)
    url = f"/spaces/{place.space}/version-removals"
    ask(lambda client: client.ask("POST", url, type(None), body=body), as_json=as_json)


def version_prune(
    space: Space = "personal",
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Count what would go, and change nothing."))] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let go now, for good, of versions that the policy of a space does not keep; it happens once a day by itself."""
    found = _preview(space, wire.Preview(), as_json=as_json)
    if dry_run or not found.versions:
        _show_gone(found.versions, found.files, found.bytes, _("Would go: {versions}."), as_json=as_json)
        return
    versions = _count_versions(found.versions, found.files, found.bytes)
    confirm(_("Let {versions} go for good?").format(versions=versions), is_confirmed=yes)

    async def act(client: Client) -> wire_operations.Operation:
        started = await client.ask("POST", f"{_url(space)}/run", wire.Pruning)
        return await operations.follow(client, started.operation)

    ended = ask(act, as_json=as_json)
    operations.check_done(ended)
    gone, files, size = (int(ended.result[name]) for name in ("versions", "files", "bytes"))
    _show_gone(gone, files, size, _("Gone: {versions}."), as_json=as_json)


def policy_show(space: Space = "personal", as_json: AsJson = False) -> None:
    """Show how long a space keeps versions and the trash."""
    found = ask(lambda client: client.ask("GET", _url(space), wire.Retention), as_json=as_json)
    _print_policy(found, as_json=as_json)


def policy_set(
    versions: Annotated[str | None, typer.Option("--versions", help=_("The words of a policy, or default."))] = None,
    trash_days: Annotated[
        str | None, typer.Option("--trash-days", help=_("For how many days the trash keeps things, or default."))
    ] = None,
    trash_words: Annotated[
        str | None, typer.Option("--trash", help=_("What the trash keeps, in words instead of days, or default."))
    ] = None,
    space: Space = "personal",
    as_json: AsJson = False,
) -> None:
    """Say how long a space keeps versions and the trash; what is not said stays as it is."""
    if trash_days not in {None, "default"} and not (trash_days or "").isdigit():
        raise Invalid(N_("Days are a number."), fix=N_("Write: --trash-days 30"))
    if trash_days is not None and trash_words is not None:
        raise Invalid(N_("The trash is told in days or in words."), fix=N_("Leave out --trash-days; write keep 30d."))

    async def act(client: Client) -> wire.ChangedRetention:
        url = _url(space)
        known = await client.ask("GET", url, wire.Retention)
        words = known.versions if versions is None else None if versions == "default" else versions
        days, kept = known.trash_days, known.trash
        if trash_days is not None:
            days, kept = None if trash_days == "default" else int(trash_days), None
        elif trash_words is not None:
            days, kept = None, None if trash_words == "default" else trash_words
        return await client.ask("PUT", url, wire.ChangedRetention, body=wire.NewRetention(words, days, kept))

    changed = ask(act, as_json=as_json)
    _print_policy(changed, as_json=as_json)
    if not as_json:
        hint_undo([changed.undo])


def policy_test(
    versions: Annotated[
        str | None, typer.Argument(metavar="[POLICY]", help=_("The words of a policy; the one that holds if none."))
    ] = None,
    trash_words: Annotated[
        str | None, typer.Option("--trash", help=_("The words of a policy for the trash; the one that holds if none."))
    ] = None,
    space: Space = "personal",
    as_json: AsJson = False,
) -> None:
    """Tell exactly which versions, and what of the trash, policies would let go now; nothing is changed."""
    found = _preview(space, wire.Preview(versions, trash_words), as_json=as_json)
    if as_json:
        output.document(found)
        return
    sentence = _("Would go: {versions}; in the trash {things}, {trashed}.")
    output.data(
        sentence.format(
            versions=_count_versions(found.versions, found.files, found.bytes),
            things=counted("{count} thing", "{count} things", found.trashed),
            trashed=format_bytes(found.trash_bytes),
        )
    )


def _url(space: str) -> str:
    return f"/spaces/{quote(space, safe='')}/retention"


def _preview(space: str, body: wire.Preview, *, as_json: bool) -> wire.Pruned:
    return ask(lambda client: client.ask("POST", f"{_url(space)}/preview", wire.Pruned, body=body), as_json=as_json)


def _show_gone(versions: int, files: int, size: int, sentence: str, *, as_json: bool) -> None:
    if as_json:
        output.document({"versions": versions, "files": files, "bytes": size})
        return
    output.data(sentence.format(versions=_count_versions(versions, files, size)))


def _count_versions(versions: int, files: int, size: int) -> str:
    return _("{versions} of {files}, {size}").format(
        versions=counted("{count} version", "{count} versions", versions),
        files=counted("{count} file", "{count} files", files),
        size=format_bytes(size),
    )


async def _lines(client: Client, place: Place, seq: int | None) -> list[str]:
    query = {} if seq is None else {"version": seq}
    async with client.send("GET", place.url("content"), query=query) as response:
        raw = await response.content.read(_COMPARED_BYTES + 1)
        while len(raw) <= _COMPARED_BYTES and (piece := await response.content.read(_COMPARED_BYTES)):
            raw += piece
    if len(raw) > _COMPARED_BYTES or b"\0" in raw:
        raise Invalid(N_("Only texts of up to 1 MiB are compared."), fix=N_("Get both with: version show"))
    return raw.decode("utf-8", "replace").splitlines()


def _pin(path: str, seq: int, note: str | None, *, as_json: bool) -> None:
    place = parse_place(path)
    body = wire.NewPin(place.path, seq, note)
    found = ask(
        lambda client: client.ask("POST", f"/spaces/{place.space}/version-pins", wire.PinnedVersion, body=body),
        as_json=as_json,
    )
    if as_json:
        output.document(found)
    else:
        hint_undo([found.undo])


def _print_policy(found: wire.Retention, *, as_json: bool) -> None:
    if as_json:
        output.document(found)
        return
    output.data(_("Versions: {policy}").format(policy=found.versions if found.versions is not None else _("default")))
    if found.trash is not None:
        output.data(_("Trash: {policy}").format(policy=found.trash))
    else:
        output.data(_("Trash: {days} days").format(days=found.trash_days) if found.trash_days else _("Trash: default"))


def _state(version: wire.Version) -> str:
    if version.is_present:
        return _("present")
    if version.pruned is not None:
        return _("gone since {moment}").format(moment=output.local_time(version.pruned))
    return "" if version.pin is None else _("pinned: {note}").format(note=version.pin)
