"""What locks keep others from: looked at in every unit that writes, whichever protocol asks."""

from collections.abc import Sequence

from cloudconnect.bus import Unit
from cloudconnect.events.files import EntryUnlocked
from cloudconnect.features.files.errors import EntryLocked
from cloudconnect.features.files.models import Entry, Lock, Space
from cloudconnect.features.files.store import locks
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.principal import Principal, PrincipalKind
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql


def check_covered(sql: Sql, principal: Principal, line: Sequence[NodeId], now_ms: int) -> None:
    """Return if no lock keeps *principal* from writing to the last node of *line*, or from adding something to it.

    Raises:
        EntryLocked: one does.
    """
    _check(principal, locks.find_covering(sql, line, now_ms))


def release(unit: Unit, space: Space, entry: Entry) -> None:
    """End the locks on *entry* and on all below it, which is about to leave its place.

    Raises:
        EntryLocked: somebody else holds one of them, or one on the folder that it leaves.
    """
    if entry.parent is not None:
        _check(unit.actor, locks.find_on(unit.sql, [entry.parent], unit.now_ms))
    held = locks.find_below(unit.sql, space.id, entry.node, unit.now_ms)
    for node in {lock.node for lock in held}:
        _check(unit.actor, [lock for lock in held if lock.node == node])
    end(unit, held)


def find_barred(unit: Unit, nodes: Sequence[NodeId]) -> dict[NodeId, EntryLocked]:
    """Return those of *nodes* that a lock on the node itself keeps the actor from writing to, and how to say so."""
    held = locks.find_on(unit.sql, nodes, unit.now_ms)
    barred = {}
    for node in {lock.node for lock in held}:
        on_node = [lock for lock in held if lock.node == node]
        if not any(passes(unit.actor, lock) for lock in on_node):
            barred[node] = refusal(on_node[0])
    return barred


def end(unit: Unit, held: Sequence[Lock], *, is_broken: bool = False) -> None:
    """Remove the locks *held* and record that they ended."""
    locks.remove(unit.sql, [lock.id for lock in held])
    for lock in held:
        unit.record(
            EntryUnlocked(subject=lock.node, space=lock.space, lock=lock.id, owner=lock.owner, is_broken=is_broken)
        )


def passes(principal: Principal, lock: Lock) -> bool:
    """Tell whether *lock* lets *principal* write: its owner, who also shows its token where the protocol asks for it.

    The appliance itself passes every lock: it acts for an administrator who was told what it will do.
    """
    if principal.kind is PrincipalKind.APPLIANCE:
        return True
    return lock.owner == principal.id and (principal.lock_tokens is None or lock.token in principal.lock_tokens)


def refusal(lock: Lock) -> EntryLocked:
    """Return the refusal that *lock* amounts to."""
    return EntryLocked(
        N_("{owner} has locked this until {until}."),
        fix=N_("Wait, ask for it to be unlocked, or see: cloudconnect lock list"),
        owner=lock.owner_name,
        until=lock.expires.isoformat(timespec="seconds"),
        lock=lock.id,
    )


def _check(principal: Principal, covering: Sequence[Lock]) -> None:
    """Raise unless *principal* passes one of the locks *covering* one place: one of several shared ones is enough."""
    if covering and not any(passes(principal, lock) for lock in covering):
        raise refusal(covering[0])
