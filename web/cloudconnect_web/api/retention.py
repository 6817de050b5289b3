"""Versions of files, how long they and the trash are kept, and what is given up."""

import dataclasses
from datetime import timedelta

from cloudconnect.features.files import KeptVersion, Retention
from cloudconnect.wire import files as wire_files
from cloudconnect.wire import retention as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.files import to_changed
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation
from cloudconnect_web.undoing import with_undo

_SPACE = "/spaces/{space}"


async def find_versions(
    call: Call, space: str, path: str, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.Version]:
    """List the versions of a file, newest first."""
    return to_page(await call.appliance.versions.find_versions(call.principal, space, path, limit, cursor), _to_version)


async def restore_version(call: Call, space: str, body: wire.VersionOf) -> wire_files.Changed:
    """Make an earlier version what the file holds now; what it holds becomes an earlier version."""
    return to_changed(await call.appliance.versions.restore_version(call.principal, space, body.path, body.version))


async def pin_version(call: Call, space: str, body: wire.NewPin) -> wire.PinnedVersion:
    """Keep a version whatever its age, or with a null note let it age again."""
    changed = await call.appliance.versions.pin_version(call.principal, space, body.path, body.version, body.note)
    return with_undo(wire.PinnedVersion, _to_version(changed.value), changed.undo)


async def remove_version(call: Call, space: str, body: wire.VersionOf) -> None:
    """Give up the content of an earlier version, for good."""
    await call.appliance.versions.remove_version(call.principal, space, body.path, body.version)


async def get_retention(call: Call, space: str) -> wire.Retention:
    """Return how long a space keeps versions and the trash."""
    return _to_retention(await call.appliance.pruning.get_retention(call.principal, space))


async def set_retention(call: Call, space: str, body: wire.NewRetention) -> wire.ChangedRetention:
    """Say how long a space keeps versions and the trash."""
    wanted = Retention(body.versions, body.trash_days, body.trash)
    changed = await call.appliance.pruning.set_retention(call.principal, space, wanted)
    return with_undo(wire.ChangedRetention, _to_retention(changed.value), changed.undo)


async def preview_retention(call: Call, space: str, body: wire.Preview) -> wire.Pruned:
    """Tell exactly what policies would let go now; nothing is changed."""
    pruned = await call.appliance.pruning.preview(call.principal, space, body.versions)
    tried = None if body.trash is None else Retention(None, None, body.trash)
    trashed = await call.appliance.purging.preview(call.principal, space, tried)
    return wire.Pruned(**dataclasses.asdict(pruned), trashed=trashed.count, trash_bytes=trashed.bytes)


async def start_pruning(call: Call, space: str) -> wire.Pruning:
    """Let go now of the versions that the policy of a space does not keep, as a long job."""
    return wire.Pruning(await call.appliance.pruning_runs.start(call.principal, space))


async def purge(call: Call, space: str, node: str) -> None:
    """Give up one thing in the trash, for good."""
    await call.appliance.purging.purge(call.principal, space, node)


async def empty_trash(call: Call, space: str, body: wire.Emptying) -> wire.Emptied:
    """Give up what is in the trash, for good, or tell what that would take away."""
    older = None if body.older_than_days is None else timedelta(days=body.older_than_days)
    total = await call.appliance.purging.empty(call.principal, space, older, is_dry_run=body.dry_run)
    return wire.Emptied(total.count, total.bytes)


def _to_version(version: KeptVersion) -> wire.Version:
    return wire.Version(
        seq=version.seq,
        size=version.size,
        sha256=version.sha256.hex(),
        media_type=version.media_type,
        author=version.author,
        created=version.created,
        is_present=version.is_present,
        pruned=version.pruned,
        pin=version.pin,
    )


def _to_retention(retention: Retention) -> wire.Retention:
    return wire.Retention(retention.versions, retention.trash_days, retention.trash)


OPERATIONS = [
    Operation(method="GET", path=_SPACE + "/versions/{path:[\\s\\S]*}", guard=Guard.READ, handler=find_versions),
    Operation(method="POST", path=_SPACE + "/version-restores", guard=Guard.WRITE, handler=restore_version),
    Operation(method="POST", path=_SPACE + "/version-pins", guard=Guard.WRITE, handler=pin_version),
    Operation(method="POST", path=_SPACE + "/version-removals", guard=Guard.WRITE, handler=remove_version, status=204),
    Operation(method="GET", path=_SPACE + "/retention", guard=Guard.READ, handler=get_retention),
    Operation(method="PUT", path=_SPACE + "/retention", guard=Guard.WRITE, handler=set_retention),
    Operation(method="POST", path=_SPACE + "/retention/preview", guard=Guard.READ, handler=preview_retention),
    Operation(method="POST", path=_SPACE + "/retention/run", guard=Guard.WRITE, handler=start_pruning, status=202),
    Operation(method="POST", path=_SPACE + "/trash/empty", guard=Guard.WRITE, handler=empty_trash),
    Operation(method="DELETE", path=_SPACE + "/trash/{node}", guard=Guard.WRITE, handler=purge, status=204),
]
