"""Long jobs: start them, watch them, pause, resume and cancel them."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import CloudConnectError, Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import operations as wire
from cloudconnect_cli import exits, output
from cloudconnect_cli.commands.running import STATE, AsJson, ask
from cloudconnect_cli.i18n import _

_LOOK_SECONDS = 0.5
_BYTES = "bytes"
_PER_SECOND = "_per_second"
_UNDER_WAY = ("waiting", "running")

Id = Annotated[str, typer.Argument(help=_("The id of the operation; see: operations list."))]
Detach = Annotated[bool, typer.Option("--detach", help=_("Start it and do not wait for its end."))]

operations = typer.Typer(no_args_is_help=True, help=_("Long jobs of the appliance."))


class OperationFailed(CloudConnectError):
    """A long job that was waited for did not reach its end."""

    code = "cli.operation-failed"
    title = N_("The operation did not reach its end")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    operations.command("list", epilog=_("Example: cloudconnect operations list"))(operations_list)
    operations.command("kinds", epilog=_("Example: cloudconnect operations kinds"))(operations_kinds)
    operations.command("show", epilog=_("Example: cloudconnect operations show opn_01J…"))(operations_show)
    operations.command("start", epilog=_("Example: cloudconnect operations start storage.gc"))(operations_start)
    operations.command("watch", epilog=_("Example: cloudconnect operations watch opn_01J…"))(operations_watch)
    operations.command("pause", epilog=_("Example: cloudconnect operations pause opn_01J…"))(operations_pause)
    operations.command("resume", epilog=_("Example: cloudconnect operations resume opn_01J…"))(operations_resume)
    operations.command("cancel", epilog=_("Example: cloudconnect operations cancel opn_01J…"))(operations_cancel)
    app.add_typer(operations, name="operations")


def operations_list(as_json: AsJson = False) -> None:
    """List long jobs, newest first."""

    async def act(client: Client) -> list[wire.Operation]:
        return [each async for each in client.list("/operations", wire.Operation)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(each.id, each.title, each.state, _amount(each), output.local_time(each.created)) for each in found]
    output.table([_("Id"), _("What"), _("State"), " " + _("Done"), _("Started")], rows)


def operations_kinds(as_json: AsJson = False) -> None:
    """List what can be started."""
    found = ask(lambda client: client.ask("GET", "/operation-kinds", list[wire.OperationKind]), as_json=as_json)
    if as_json:
        output.document(found)
        return
    output.table([_("Kind"), _("What")], [(each.name, _(each.title)) for each in found])


def operations_show(operation: Id, as_json: AsJson = False) -> None:
    """Show how far a long job is."""
    _show(ask(lambda client: _get(client, operation), as_json=as_json), as_json=as_json)


def operations_start(
    kind: Annotated[str, typer.Argument(help=_("What to start; see: operations kinds."))],
    parameters: Annotated[
        list[str] | None, typer.Option("--set", help=_("A parameter, as NAME=VALUE; may be repeated."))
    ] = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Start a long job and wait for its end; leaving with Ctrl-C lets it go on."""
    run(kind, _parse(parameters or []), detach=detach, as_json=as_json)


def operations_watch(operation: Id, as_json: AsJson = False) -> None:
    """Wait for the end of a long job."""
    _finish(ask(lambda client: follow(client, operation), as_json=as_json), as_json=as_json)


def operations_pause(operation: Id, as_json: AsJson = False) -> None:
    """Interrupt a long job until it is resumed."""
    _act(operation, "pause", as_json=as_json)


def operations_resume(operation: Id, as_json: AsJson = False) -> None:
    """Go on with a long job that is paused or failed."""
    _act(operation, "resume", as_json=as_json)


def operations_cancel(operation: Id, as_json: AsJson = False) -> None:
    """End a long job; what it has done stays done."""
    _act(operation, "cancel", as_json=as_json)


def run(kind: str, parameters: Mapping[str, str], *, detach: bool, as_json: bool) -> wire.Operation:
    """Start an operation and, unless *detach*, show its progress until it ends and then what it did.

    Raises:
        OperationFailed: it ended otherwise than done.
    """

    async def act(client: Client) -> wire.Operation:
        body = wire.NewOperation(kind, dict(parameters))
        started = await client.ask("POST", "/operations", wire.Operation, body=body)
        return started if detach else await follow(client, started.id)

    ended = ask(act, as_json=as_json)
    if detach:
        _show(ended, as_json=as_json)
        if not as_json:
            output.hint(_("Watch it with: cloudconnect operations watch {id}").format(id=ended.id))
    else:
        _finish(ended, as_json=as_json)
    return ended


async def _get(client: Client, operation: str) -> wire.Operation:
    return await client.ask("GET", f"/operations/{operation}", wire.Operation)


async def follow(client: Client, operation: str) -> wire.Operation:
    """Wait for the end of an operation, with its progress shown on a terminal; return how it ended."""
    is_shown = output.is_terminal() and not STATE.is_json
    while True:
        found = await _get(client, operation)
        if is_shown:
            output.progress(_line(found))
        if found.state not in _UNDER_WAY:
            if is_shown:
                output.progress("")
            return found
        await asyncio.sleep(_LOOK_SECONDS)


def _act(operation: str, verb: str, *, as_json: bool) -> None:
    found = ask(lambda client: client.ask("POST", f"/operations/{operation}/{verb}", wire.Operation), as_json=as_json)
    if as_json:
        output.document(found)


def check_done(ended: wire.Operation) -> None:
    """Return if an operation ended as it should.

    Raises:
        OperationFailed: it failed.
        typer.Exit: it was paused or cancelled.
    """
    if ended.state == "failed":
        raise OperationFailed(
            N_("“{title}” failed: {error}"),
            fix=N_("Go on with: cloudconnect operations resume {id}"),
            title=ended.title,
            error=ended.error,
            id=ended.id,
        )
    if ended.state != "done":
        output.hint(_("It is {state}.").format(state=_(ended.state)))
        raise typer.Exit(exits.PARTIAL)


def _finish(ended: wire.Operation, *, as_json: bool) -> None:
    _show(ended, as_json=as_json)
    check_done(ended)


def _show(found: wire.Operation, *, as_json: bool) -> None:
    if as_json:
        output.document(found)
        return
    rows = [
        (_("Id"), found.id),
        (_("What"), _(found.title)),
        (_("State"), _(found.state)),
        (_("Done"), _amount(found)),
        (_("Time"), _duration(found.worked_seconds)),
    ]
    if found.remaining_seconds is not None:
        rows.append((_("Left"), _duration(found.remaining_seconds)))
    if found.note:
        rows.append((_("Now"), found.note))
    if found.error:
        rows.append((_("Error"), found.error))
    rows += [
        (name.removesuffix(_PER_SECOND).replace("_", " "), _value(name, value))
        for name, value in found.result.items()
        if value != ""
    ]
    width = max(len(name) for name, _value_ in rows)
    for name, value in rows:
        output.data(f"{output.printable(name.ljust(width))}  {output.printable(value)}")


def _line(found: wire.Operation) -> str:
    parts = [_(found.title), _amount(found)]
    if found.remaining_seconds is not None:
        parts.append(_("{time} left").format(time=_duration(found.remaining_seconds)))
    if found.note:
        parts.append(found.note)
    return " · ".join(parts)


def _amount(found: wire.Operation) -> str:
    if found.unit == _BYTES:
        done, total = format_bytes(found.done), format_bytes(found.total)
    else:
        done, total = str(found.done), str(found.total)
    if not found.total:
        return done
    return f"{done} / {total} ({min(100 * found.done // found.total, 100)} %)"


def _value(name: str, value: int | str) -> str:
    if not isinstance(value, int) or not name.removesuffix(_PER_SECOND).endswith(_BYTES):
        return str(value)
    return format_bytes(value) + ("/s" if name.endswith(_PER_SECOND) else "")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _parse(parameters: list[str]) -> dict[str, str]:
    parsed = {}
    for each in parameters:
        name, separator, value = each.partition("=")
        if not separator or not name:
            raise Invalid(N_("“{text}” is not a parameter."), fix=N_("Write it as NAME=VALUE."), text=each)
        parsed[name] = value
    return parsed
