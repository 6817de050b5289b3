"""Spaces as wholes; each is named by its id, its name, or ``personal`` for one's own."""

from typing import Annotated

import msgspec

from cloudconnect.features.files import Space
from cloudconnect.wire import spaces as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation
from cloudconnect_web.undoing import with_undo

Archived = Annotated[bool, msgspec.Meta(description="Those that are archived too.")]


async def find_spaces(
    call: Call, limit: Limit = 100, cursor: Cursor | None = None, archived: Archived = False
) -> PageAnswer[wire.Space]:
    """List the spaces one may see."""
    return to_page(await call.appliance.spaces.find_spaces(call.principal, limit, cursor, archived=archived), _to_space)


async def get_space(call: Call, space: str) -> wire.Space:
    """Return one space."""
    return _to_space(await call.appliance.spaces.get_space(call.principal, space))


async def add_space(call: Call, body: wire.NewSpace) -> wire.Space:
    """Make a space."""
    made = await call.appliance.spaces.create(call.principal, body.name, owner=body.owner, quota_bytes=body.quota_bytes)
    return _to_space(made)


async def change_space(call: Call, space: str, body: wire.SpaceChange) -> wire.ChangedSpace:
    """Rename a space, archive it, or bring it back; for its owner and administrators."""
    changed = await call.appliance.spaces.change(call.principal, space, name=body.name, archived=body.archived)
    return with_undo(wire.ChangedSpace, _to_space(changed.value), changed.undo)


def _to_space(space: Space) -> wire.Space:
    return wire.Space(
        id=space.id,
        name=space.name,
        kind=space.kind,
        owner=space.owner,
        root=space.root,
        seq=space.seq,
        created=space.created,
        used_bytes=space.used_bytes,
        quota_bytes=space.quota_bytes,
        archived=space.archived,
    )


OPERATIONS = [
    Operation(method="GET", path="/spaces", guard=Guard.READ, handler=find_spaces),
    Operation(method="POST", path="/spaces", guard=Guard.ADMIN, handler=add_space, status=201),
    Operation(method="GET", path="/spaces/{space}", guard=Guard.READ, handler=get_space),
    Operation(method="PATCH", path="/spaces/{space}", guard=Guard.WRITE, handler=change_space),
]
