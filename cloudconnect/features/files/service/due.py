"""What is due to leave the trash by itself: by its age, by its share of the space, and for a disk that runs full."""

from collections.abc import Iterator
from dataclasses import dataclass

from cloudconnect.features.files.models import Space, Trashed
from cloudconnect.features.files.service.yielding import Reason, rule_of, to_age_base, walk_trash
from cloudconnect.features.files.store import spaces, versions, yielding
from cloudconnect.features.files.trash_policy import TrashPolicy, TrashRule, trash_policy_of
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.sql import Sql

_ANY = 1 << 62
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Due:
    """Something that is to leave the trash of ``space``, the plain bytes of it with all below, and why."""

    space: SpaceId
    trashed: Trashed
    size: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class _Stays:
    """Something that is not too old, and what its policy says of it."""

    trashed: Trashed
    rule: TrashRule
    size: int
    may_go: bool


def find_due(sql: Sql, space: Space, policy: TrashPolicy, now_ms: int, disk_bytes: int) -> Iterator[Due]:
    """Yield what *policy* takes out of the trash of *space* now, the longest removed first of each reason.

    What holds a pinned version or belongs to a moment with a name stays, and what is younger than the policy keeps it
    at least. A share is of the quota, or of *disk_bytes* where there is none.
    """
    is_sparing = yielding.is_sparing(sql, space.id)
    has_shares = any(rule.percent is not None for rule in policy.rules)
    shared: dict[TrashRule, list[_Stays]] = {}
    for trashed in walk_trash(sql, space.id, _ANY if has_shares else now_ms - policy.soonest_ms):
        rule, age_ms = rule_of(sql, space, policy, trashed), now_ms - to_age_base(trashed)
        is_old = age_ms > policy.keep_ms(rule)
        if not is_old and rule.percent is None:
            continue
        nodes, size = yielding.gather(sql, trashed, _ANY) or ([trashed.node], trashed.size or 0)
        is_held = is_sparing and yielding.is_held(sql, space.id, nodes, trashed.seq)
        if is_old and not is_held:
            yield Due(space.id, trashed, size, Reason.AGE)
        elif rule.percent is not None:
            may_go = not is_held and age_ms > rule.least_ms
            shared.setdefault(rule, []).append(_Stays(trashed, rule, size, may_go))
    for rule, stay in shared.items():
        most = (disk_bytes if space.quota_bytes is None else space.quota_bytes) * (rule.percent or 0) // 100
        yield from _find_excess(space.id, stay, most)


def _find_excess(space: SpaceId, stay: list[_Stays], most: int) -> Iterator[Due]:
    excess = sum(each.size for each in stay) - most
    for each in stay:
        if excess <= 0:
            return
        if each.may_go and each.size:
            yield Due(space, each.trashed, each.size, Reason.SHARE)
            excess -= each.size


def find_for_disk(sql: Sql, wanted: int, now_ms: int) -> list[Due]:
    """Return what is to leave any trash so that gc can free *wanted* bytes, the longest removed first."""
    found: list[Due] = []
    policies: dict[SpaceId, tuple[Space, TrashPolicy]] = {}
    for space_id, trashed in _walk_all(sql, now_ms):
        if wanted <= 0:
            break
        if space_id not in policies:
            space = spaces.find_space(sql, space_id)
            if space is None:
                continue
            policies[space_id] = space, trash_policy_of(versions.get_retention(sql, space_id))
        space, policy = policies[space_id]
        if now_ms - to_age_base(trashed) <= rule_of(sql, space, policy, trashed).least_ms:
            continue
        nodes, size = yielding.gather(sql, trashed, _ANY) or ([trashed.node], trashed.size or 0)
        if size and not yielding.is_held(sql, space_id, nodes, trashed.seq):
            found.append(Due(space_id, trashed, size, Reason.DISK))
            wanted -= size
    return found


def _walk_all(sql: Sql, before_ms: int) -> Iterator[tuple[SpaceId, Trashed]]:
    after = (-1, "")
    while found := yielding.find_oldest(sql, before_ms, after, _AT_ONCE):
        yield from found
        after = to_age_base(found[-1][1]), found[-1][1].node
