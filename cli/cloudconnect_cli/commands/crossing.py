"""Copying and moving into another space, and waiting for it where that takes long."""

from urllib.parse import unquote

from cloudconnect.client import Client
from cloudconnect.wire import files as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands import operations
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import Place
from cloudconnect_cli.undoing import hint_undo

Done = wire.Changed | wire.Crossed
"""What became of one copy or move, inside a space or into another one."""


async def cross(client: Client, source: Place, target: Place, *, move: bool, at: str | None, replace: bool) -> Done:
    """Copy or move *source* to *target* in another space; return once it is there.

    Raises:
        OperationFailed: it took long, and ended otherwise than done.
    """
    body = wire.NewCrossing(source.path, unquote(target.space), target.path, move, at, replace)
    crossed = await client.ask("POST", f"/spaces/{source.space}/crossings", wire.Crossed, body=body)
    if not crossed.operation:
        return crossed
    ended = await operations.follow(client, crossed.operation)
    operations.check_done(ended)
    entry = await client.ask("GET", target.url("entries"), wire.Entry)
    said = ended.result
    return wire.Crossed(
        entry, int(said["seq"]), str(said["undo"]), str(said["source_undo"]), operation=crossed.operation
    )


def show_done(done: list[Done], *, as_json: bool) -> None:
    """Show what became of copies and moves, and how each is taken back: a move between spaces at both ends."""
    if as_json:
        output.document(done)
        return
    hint_undo(each.undo for each in done)
    originals = [each.source_undo for each in done if isinstance(each, wire.Crossed) and each.source_undo]
    if originals:
        output.hint(_("The original is in the trash of its space; this brings it back, the other removes the copy:"))
        hint_undo(originals)
