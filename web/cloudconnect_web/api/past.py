"""Moments that have names, what differs between two, and bringing one back."""

from typing import Annotated

import msgspec

from cloudconnect.features.files import Difference, Differing, Snapshot
from cloudconnect.wire import history as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.history import to_reverted
from cloudconnect_web.api.lists import Cursor, Limit, Moment, to_page
from cloudconnect_web.operations import Call, Guard, Operation
from cloudconnect_web.undoing import with_undo

_SPACE = "/spaces/{space}"

Folder = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, description="The folder that is compared.")]


async def find_snapshots(
    call: Call, space: str, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.Snapshot]:
    """List the moments of a space that have names, by name."""
    return to_page(await call.appliance.snapshots.find_snapshots(call.principal, space, limit, cursor), _to_snapshot)


async def add_snapshot(call: Call, space: str, body: wire.NewSnapshot) -> wire.ChangedSnapshot:
    """Name the present or another moment; what was true then is kept for as long as it has a name."""
    changed = await call.appliance.snapshots.add_snapshot(call.principal, space, body.name, body.at)
    return with_undo(wire.ChangedSnapshot, _to_snapshot(changed.value), changed.undo)


async def remove_snapshot(call: Call, space: str, name: str) -> wire.ChangedSnapshot:
    """Forget the name of a moment; what it alone kept is no longer kept."""
    changed = await call.appliance.snapshots.remove_snapshot(call.principal, space, name)
    return with_undo(wire.ChangedSnapshot, _to_snapshot(changed.value), changed.undo)


async def find_differences(
    call: Call,
    space: str,
    since: Moment | None = None,
    until: Moment | None = None,
    path: Folder = "/",
    limit: Limit = 100,
    cursor: Cursor | None = None,
) -> PageAnswer[wire.Differing]:
    """List what differs between two moments, the present where none is named; all pages compare those of the first."""
    page = await call.appliance.comparing.find_differences(
        call.principal, space, since, until, path, limit=limit, cursor=cursor
    )
    return to_page(page, _to_differing)


async def summarise_differences(
    call: Call, space: str, since: Moment | None = None, until: Moment | None = None, path: Folder = "/"
) -> wire.DifferenceSummary:
    """Count what differs between two moments."""
    summary = await call.appliance.comparing.summarise(call.principal, space, since, until, path)
    counts = summary.counts
    return wire.DifferenceSummary(
        added=counts[Difference.ADDED],
        removed=counts[Difference.REMOVED],
        modified=counts[Difference.MODIFIED],
        moved=counts[Difference.MOVED],
        bytes_more=summary.bytes_more,
    )


async def give_back(call: Call, space: str, body: wire.GiveBack) -> wire.Reverted:
    """Make a file or folder what it was at a moment, in its place and in one step."""
    reverted = await call.appliance.returning.give_back(
        call.principal,
        space,
        body.path,
        body.at,
        keep_new=body.keep_new,
        skip=body.skip_conflicts,
        is_dry_run=body.dry_run,
    )
    return to_reverted(reverted)


def _to_snapshot(snapshot: Snapshot) -> wire.Snapshot:
    return wire.Snapshot(snapshot.name, snapshot.seq, snapshot.at, snapshot.created, snapshot.created_by)


def _to_differing(differing: Differing) -> wire.Differing:
    return wire.Differing(
        id=differing.node,
        how=differing.how.value,
        kind=differing.kind.value,
        before=differing.before,
        after=differing.after,
        size_before=differing.size_before,
        size_after=differing.size_after,
    )


OPERATIONS = [
    Operation(method="GET", path=_SPACE + "/snapshots", guard=Guard.READ, handler=find_snapshots),
    Operation(method="POST", path=_SPACE + "/snapshots", guard=Guard.WRITE, handler=add_snapshot, status=201),
    Operation(method="DELETE", path=_SPACE + "/snapshots/{name}", guard=Guard.WRITE, handler=remove_snapshot),
    Operation(method="GET", path=_SPACE + "/diff", guard=Guard.READ, handler=find_differences),
    Operation(method="GET", path=_SPACE + "/diff/summary", guard=Guard.READ, handler=summarise_differences),
    Operation(method="POST", path=_SPACE + "/restore", guard=Guard.WRITE, handler=give_back),
]
