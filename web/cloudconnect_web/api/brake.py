"""Sessions that were stopped from changing too much."""

from typing import Any

from cloudconnect.features.files import Brake
from cloudconnect.wire import brake as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation

_SPACE = "/spaces/{space}"


async def find_brakes(
    call: Call, space: str, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.Brake]:
    """List when sessions were stopped from changing too much in a space, last first."""
    return to_page(await call.appliance.brake.find_brakes(call.principal, space, limit, cursor), _to_brake)


async def lift_brake(call: Call, space: str, brake: str) -> wire.Brake:
    """Let a session that was stopped write again; not from that session itself."""
    return _to_brake(await call.appliance.brake.lift(call.principal, space, brake))


async def expect_changes(call: Call, space: str, body: wire.Expectation) -> None:
    """Announce how many files this session is going to remove or overwrite, so that it is not stopped."""
    await call.appliance.brake.expect(call.principal, space, body.changes)


async def get_brake_limit(call: Call, space: str) -> wire.BrakeLimit:
    """Return how many files one session may remove or overwrite in a minute."""
    return wire.BrakeLimit(await call.appliance.brake.get_limit(call.principal, space))


async def set_brake_limit(call: Call, space: str, body: wire.NewBrakeLimit) -> wire.ChangedBrakeLimit:
    """Say how many files one session may remove or overwrite in a minute."""
    changed = await call.appliance.brake.set_limit(call.principal, space, body.changes)
    return wire.ChangedBrakeLimit(changed.value, changed.undo)


def _to_brake(brake: Brake) -> wire.Brake:
    reason: Any = brake.reason
    return wire.Brake(
        id=brake.id,
        session=brake.session,
        actor=brake.actor,
        actor_name=brake.actor_name,
        reason=reason,
        changes=brake.changes,
        seq=brake.seq,
        pulled=brake.pulled,
        lifted=brake.lifted,
    )


OPERATIONS = [
    Operation(method="GET", path=_SPACE + "/brakes", guard=Guard.READ, handler=find_brakes),
    Operation(method="POST", path=_SPACE + "/brakes/{brake}/lift", guard=Guard.WRITE, handler=lift_brake),
    Operation(
        method="POST", path=_SPACE + "/brake-expectations", guard=Guard.WRITE, handler=expect_changes, status=204
    ),
    Operation(method="GET", path=_SPACE + "/brake", guard=Guard.READ, handler=get_brake_limit),
    Operation(method="PUT", path=_SPACE + "/brake", guard=Guard.WRITE, handler=set_brake_limit),
]
