"""Taking back what was done."""

from cloudconnect.features.files import Deeds, Reverted, Undoable
from cloudconnect.wire import history as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Limit
from cloudconnect_web.operations import Call, Guard, Operation

_SPACE = "/spaces/{space}"


async def undo(call: Call, space: str, body: wire.Undo) -> wire.Reverted:
    """Take back a change by its token, or the last of one's own; what others changed since is never overwritten."""
    reverted = await call.appliance.history.undo(
        call.principal, space, token=body.token, last=body.last, skip=body.skip_conflicts, is_dry_run=body.dry_run
    )
    return to_reverted(reverted)


async def find_undoable(call: Call, space: str, limit: Limit = 20) -> PageAnswer[wire.Undoable]:
    """List the last changes of one's own that can be undone, latest first."""
    found = await call.appliance.history.find_undoable(call.principal, space, limit)
    return PageAnswer([_to_undoable(each) for each in found])


async def rollback(call: Call, space: str, body: wire.Rollback) -> wire.Reverted:
    """Take back all that a session, a device, a user or a period did, as far as nobody changed it since."""
    done = Deeds(frozenset(body.sessions), body.by, body.since, body.until, body.path)
    reverted = await call.appliance.history.rollback(
        call.principal, space, done, skip=body.skip_conflicts, is_dry_run=body.dry_run
    )
    return to_reverted(reverted)


def to_reverted(reverted: Reverted) -> wire.Reverted:
    """Return *reverted* as it crosses HTTP."""
    return wire.Reverted(
        trashed=reverted.trashed,
        restored=reverted.restored,
        moved=reverted.moved,
        rewritten=reverted.rewritten,
        copied=reverted.copied,
        retagged=reverted.retagged,
        reset=reverted.reset,
        bytes=reverted.bytes,
        conflicts=reverted.hindered,
        hindrances=[wire.Hindrance(each.node, each.path, each.obstacle.value) for each in reverted.hindrances],
        undo=None if reverted.undo is None else str(reverted.undo),
    )


def _to_undoable(undoable: Undoable) -> wire.Undoable:
    return wire.Undoable(str(undoable.token), undoable.at, undoable.kind, undoable.path, undoable.facts)


OPERATIONS = [
    Operation(method="POST", path=_SPACE + "/undo", guard=Guard.WRITE, handler=undo),
    Operation(method="GET", path=_SPACE + "/undo", guard=Guard.READ, handler=find_undoable),
    Operation(method="POST", path=_SPACE + "/rollback", guard=Guard.WRITE, handler=rollback),
]
