"""What spaces and folders take, and what spaces may take."""

from typing import Annotated

import msgspec

from cloudconnect.features.files import Space
from cloudconnect.wire import accounting as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation
from cloudconnect_web.undoing import with_undo

FolderPath = Annotated[str, msgspec.Meta(max_length=4096, description="A path in the space; its root if none.")]


async def get_footprint(call: Call, space: str, path: FolderPath = "/") -> wire.Footprint:
    """Return what a path takes with all below it, its past and its trash, and what deleting all that would free."""
    found = await call.appliance.accounting.find_footprint(call.principal, space, path)
    return wire.Footprint(
        path=found.path,
        files=found.files,
        folders=found.folders,
        logical_bytes=found.logical_bytes,
        version_bytes=found.version_bytes,
        trash_bytes=found.trash_bytes,
        unique_bytes=found.unique_bytes,
        stored_bytes=found.stored_bytes,
        freed_bytes=found.freed_bytes,
    )


async def get_quota(call: Call, space: str) -> wire.Quota:
    """Return what a space uses and may use."""
    return _to_quota(await call.appliance.spaces.get_space(call.principal, space))


async def set_quota(call: Call, space: str, body: wire.NewQuota) -> wire.ChangedQuota:
    """Bound what a space may use, or take the bound away."""
    changed = await call.appliance.accounting.set_quota(call.principal, space, body.quota_bytes)
    return with_undo(wire.ChangedQuota, _to_quota(changed.value), changed.undo)


async def find_quotas(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.Quota]:
    """List all spaces of the appliance with what they use and may use."""
    return to_page(await call.appliance.accounting.find_spaces(call.principal, limit, cursor), _to_quota)


def _to_quota(space: Space) -> wire.Quota:
    return wire.Quota(space.id, space.name, space.kind, space.used_bytes, space.quota_bytes)


OPERATIONS = [
    Operation(method="GET", path="/spaces/{space}/usage", guard=Guard.READ, handler=get_footprint),
    Operation(method="GET", path="/spaces/{space}/quota", guard=Guard.READ, handler=get_quota),
    Operation(method="PATCH", path="/spaces/{space}/quota", guard=Guard.ADMIN, handler=set_quota),
    Operation(method="GET", path="/quotas", guard=Guard.ADMIN, handler=find_quotas),
]
