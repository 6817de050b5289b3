"""What the trash gives up: chosen oldest first, never what somebody wants kept, and each thing told as a fact."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cloudconnect.bus import Unit
from cloudconnect.events.files import EntryPurged
from cloudconnect.features.files.models import Space, Trashed
from cloudconnect.features.files.service.places import find_path
from cloudconnect.features.files.store import purging, spaces, trash, versions, yielding
from cloudconnect.features.files.trash_policy import TrashPolicy, TrashRule, trash_policy_of
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql

NODES_MOST: Final = 10_000
"""So many nodes one unit looks at and removes in passing: whoever writes beside it does not wait for longer."""

_AT_ONCE = 200
_ANY: Final = 1 << 62


class Reason(StrEnum):
    """Why something was given up."""

    ASKED = "asked"
    AGE = "age"
    SHARE = "share"
    QUOTA = "quota"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Yielding:
    """Something in the trash, the nodes that go with it, and the plain bytes that this frees."""

    trashed: Trashed
    nodes: Sequence[NodeId]
    size: int


def find_yielding(sql: Sql, space: Space, now_ms: int) -> Iterator[Yielding]:
    """Yield what the trash of *space* may give up for what comes, the longest removed first.

    Left out is what would free nothing, what is younger than the policy says it stays at least, and what holds a
    pinned version or belongs to a moment with a name. After ten thousand nodes it ends.
    """
    policy = trash_policy_of(versions.get_retention(sql, space.id))
    budget = NODES_MOST
    for trashed in walk_trash(sql, space.id, now_ms - policy.soonest_ms):
        if now_ms - to_age_base(trashed) <= rule_of(sql, space, policy, trashed).least_ms:
            continue
        gathered = yielding.gather(sql, trashed, budget)
        if gathered is None:
            return
        nodes, size = gathered
        budget -= len(nodes)
        if size and not yielding.is_held(sql, space.id, nodes, trashed.seq):
            yield Yielding(trashed, nodes, size)
        if budget <= 0:
            return


def walk_trash(sql: Sql, space: SpaceId, before_ms: int) -> Iterator[Trashed]:
    """Yield what was removed from *space* before *before_ms*, the longest ago first."""
    after = 0
    while found := trash.find_behind(sql, space, before_ms, after, _AT_ONCE):
        yield from found
        after = found[-1].seq


def rule_of(sql: Sql, space: Space, policy: TrashPolicy, trashed: Trashed) -> TrashRule:
    """Return what *policy* says of *trashed*, by the path that it had."""
    if not any(rule.scope for rule in policy.rules):
        return policy.rule_for("/")
    parent = find_path(sql, space, trashed.parent, trashed.seq - 1) or ""
    return policy.rule_for(f"{parent.rstrip('/')}/{trashed.name}")


def to_age_base(trashed: Trashed) -> int:
    """Return since when *trashed* is in the trash, milliseconds."""
    return round(trashed.trashed.timestamp() * 1000)


def weigh_trash(sql: Sql, space: SpaceId) -> tuple[int, bool]:
    """Return what emptying the trash of *space* would free, plain bytes, and whether all of it was counted."""
    budget, total = NODES_MOST, 0
    for trashed in walk_trash(sql, space, _ANY):
        gathered = yielding.gather(sql, trashed, budget)
        if gathered is None:
            return total, False
        budget -= len(gathered[0])
        total += gathered[1]
    return total, True


def give_up(unit: Unit, space_id: SpaceId, found: Sequence[Trashed], reason: Reason) -> None:
    """Take *found* out of the trash for good; what lies below goes in portions afterwards."""
    nodes = [each.node for each in found]
    trash.remove_many(unit.sql, nodes)
    purging.add(unit.sql, space_id, nodes)
    spaces.charge(unit.sql, space_id, -sum(each.size or 0 for each in found))
    for each in found:
        unit.record(EntryPurged(subject=each.node, space=space_id, size=each.size or 0, reason=reason))


def give_up_now(unit: Unit, space_id: SpaceId, found: Iterable[Yielding], reason: Reason) -> None:
    """Take *found* out of the trash for good with all that lies below, which frees its bytes in this unit."""
    for each in found:
        give_up(unit, space_id, [each.trashed], reason)
        for start in range(0, len(each.nodes), _AT_ONCE):
            freed = purging.remove(unit.sql, space_id, each.nodes[start : start + _AT_ONCE])
            spaces.charge(unit.sql, space_id, -freed)
