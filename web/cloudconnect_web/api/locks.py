"""Locks: who means to write where, and breaking what is in the way."""

from cloudconnect.features.files import Lock
from cloudconnect.wire import locks as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation


async def find_locks(call: Call, space: str, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.Lock]:
    """List the locks of a space that have not expired, oldest first."""
    return to_page(await call.appliance.locks.find_locks(call.principal, space, limit, cursor), _to_lock)


async def break_lock(call: Call, space: str, lock: str) -> None:
    """End a lock: one's own, or as one who manages the space or administers the appliance, anybody's."""
    await call.appliance.locks.break_lock(call.principal, space, lock)


def _to_lock(lock: Lock) -> wire.Lock:
    return wire.Lock(
        id=lock.id,
        path=lock.path,
        owner=lock.owner,
        owner_name=lock.owner_name,
        shared=lock.is_shared,
        deep=lock.is_deep,
        created=lock.created,
        expires=lock.expires,
    )


OPERATIONS = [
    Operation(method="GET", path="/spaces/{space}/locks", guard=Guard.READ, handler=find_locks),
    Operation(method="DELETE", path="/spaces/{space}/locks/{lock}", guard=Guard.WRITE, handler=break_lock, status=204),
]
