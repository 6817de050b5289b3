"""Doing one thing to everything that a selection selects: plan, ask, do."""

from typing import Annotated

import msgspec
import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import metadata as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands import operations
from cloudconnect_cli.commands.running import ask, confirm
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import Place, parse_place
from cloudconnect_cli.undoing import hint_undo

Where = Annotated[
    str | None, typer.Option("--where", help=_("A selection, such as 'path:/Tmp/** modified:>90d', in place of paths."))
]
DryRun = Annotated[bool, typer.Option("--dry-run", help=_("Show what would be done, and do nothing."))]
OnlyWhere = Annotated[bool, typer.Option("--dry-run", help=_("Show what --where would do, and do nothing."))]
Expect = Annotated[
    int | None, typer.Option("--expect", min=0, help=_("Refuse unless --where selects as many items as this."))
]

Recursive = Annotated[bool, typer.Option("--recursive", "-r", help=_("Folders with all they hold."))]


def edit(
    space: str, body: wire.BulkEdit, question: str, *, is_dry: bool, is_confirmed: bool, as_json: bool
) -> wire.BulkEdited | None:
    """Show what *body* would do and, unless *is_dry*, ask the *question* and do it; None where nothing is selected."""
    url = f"/spaces/{space}/bulk-edits"

    async def look(client: Client) -> wire.BulkEdited:
        return await client.ask("POST", url, wire.BulkEdited, body=msgspec.structs.replace(body, dry_run=True))

    plan = ask(look, as_json=as_json)
    if is_dry:
        _show(plan, as_json=as_json)
        return None
    if not plan.items and body.expect in {None, 0}:
        _show(plan, as_json=as_json)
        return None
    if not is_confirmed and not as_json:
        _show(plan, as_json=False)
    confirm(question.format(items=plan.items, size=format_bytes(plan.logical_bytes)), is_confirmed=is_confirmed)

    async def act(client: Client) -> wire.BulkEdited:
        done = await client.ask("POST", url, wire.BulkEdited, body=msgspec.structs.replace(body, plan=plan.plan))
        if not done.operation:
            return done
        ended = await operations.follow(client, done.operation)
        operations.check_done(ended)
        said = ended.result
        if said["passed_over"]:
            output.hint(_("No longer as planned, and left alone: {count}").format(count=said["passed_over"]))
        return msgspec.structs.replace(done, done=int(said["done"]), seq=int(said["seq"]), undo=str(said["undo"]))

    done = ask(act, as_json=as_json)
    if as_json:
        output.document(done)
    else:
        output.hint(_("Items done: {count}").format(count=done.done))
        hint_undo([done.undo])
    return done


def require_where(**given: bool) -> None:
    """Return if none of the options *given* is there, which say nothing without --where.

    Raises:
        Invalid: one is.
    """
    for name, is_given in given.items():
        if is_given:
            raise Invalid(
                N_("--{option} goes together with --where."),
                fix=N_("Leave it out, or say with --where what is meant."),
                option=name.replace("_", "-"),
            )


def only_folder(paths: list[str] | None) -> Place:
    """Return the folder to select in: the root, or the one path beside --where."""
    if paths is not None and len(paths) > 1:
        raise Invalid(N_("Name one folder beside --where at most."), fix=N_("Select by path: with OR between them."))
    return parse_place(paths[0] if paths else "/")


def _show(plan: wire.BulkEdited, *, as_json: bool) -> None:
    if as_json:
        output.document(plan)
        return
    rows = [(str(plan.items), str(plan.files), str(plan.folders), format_bytes(plan.logical_bytes), str(plan.seq))]
    output.table((N_(" Items"), N_(" Files"), N_(" Folders"), N_(" Size"), N_(" As of")), rows)
    for path in plan.examples:
        output.data(output.printable(path))
    if plan.items > len(plan.examples):
        output.data("…")
