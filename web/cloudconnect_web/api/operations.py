"""Long jobs: start them, watch them, pause, resume and cancel them."""

from cloudconnect.features.operations import Operation as Running
from cloudconnect.ports.operations import Kind
from cloudconnect.wire import operations as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation


async def find_operations(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.Operation]:
    """List long jobs, newest first: all to administrators, and to others what they started."""
    return to_page(await call.appliance.operations.find_operations(call.principal, limit, cursor), _to_operation)


async def find_operation_kinds(call: Call) -> list[wire.OperationKind]:
    """List what can be started."""
    return [_to_kind(kind) for kind in call.appliance.operations.kinds()]


async def start_operation(call: Call, body: wire.NewOperation) -> wire.Operation:
    """Start a long job; one of a kind runs at a time."""
    identifier = await call.appliance.operations.start(call.principal, body.kind, body.parameters)
    return _to_operation(await call.appliance.operations.get_operation(call.principal, identifier))


async def get_operation(call: Call, operation: str) -> wire.Operation:
    """Return one long job as it stands this moment."""
    return _to_operation(await call.appliance.operations.get_operation(call.principal, operation))


async def pause_operation(call: Call, operation: str) -> wire.Operation:
    """Interrupt a long job until it is resumed."""
    return _to_operation(await call.appliance.operations.pause(call.principal, operation))


async def resume_operation(call: Call, operation: str) -> wire.Operation:
    """Go on with a long job that is paused or failed."""
    return _to_operation(await call.appliance.operations.resume(call.principal, operation))


async def cancel_operation(call: Call, operation: str) -> wire.Operation:
    """End a long job; what it has done stays done."""
    return _to_operation(await call.appliance.operations.cancel(call.principal, operation))


def _to_kind(kind: Kind) -> wire.OperationKind:
    return wire.OperationKind(kind.name, str(kind.title), kind.unit)


def _to_operation(running: Running) -> wire.Operation:
    return wire.Operation(
        id=running.id,
        kind=running.kind,
        title=str(running.title),
        unit=running.unit,
        parameters=running.parameters,
        state=running.state,
        done=running.done,
        total=running.total,
        note=running.note,
        result=running.result,
        error=running.error,
        author=running.author,
        created=running.created,
        started=running.started,
        finished=running.finished,
        worked_seconds=running.worked_seconds,
        remaining_seconds=running.remaining_seconds,
    )


_ONE = "/operations/{operation}"

OPERATIONS = [
    Operation(method="GET", path="/operations", guard=Guard.SIGNED_IN, handler=find_operations),
    Operation(method="POST", path="/operations", guard=Guard.ADMIN, handler=start_operation, status=202),
    Operation(method="GET", path="/operation-kinds", guard=Guard.ADMIN, handler=find_operation_kinds),
    Operation(method="GET", path=_ONE, guard=Guard.SIGNED_IN, handler=get_operation),
    Operation(method="POST", path=_ONE + "/pause", guard=Guard.SIGNED_IN, handler=pause_operation),
    Operation(method="POST", path=_ONE + "/resume", guard=Guard.SIGNED_IN, handler=resume_operation),
    Operation(method="POST", path=_ONE + "/cancel", guard=Guard.SIGNED_IN, handler=cancel_operation),
]
