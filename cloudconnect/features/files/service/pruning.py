"""Letting old versions go, as the policy of each space says."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import RetentionSet, VersionsPruned
from cloudconnect.features.files.errors import BadPolicy
from cloudconnect.features.files.models import KeptVersion, Retention, Setting, SettingChange, SettingKind, Space
from cloudconnect.features.files.retention import OldVersion, Policy, find_prunable, parse_policy
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import find_path
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import snapshots, spaces, versions
from cloudconnect.features.files.trash_policy import parse_trash_policy
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.operations import Progress
from cloudconnect.ports.sql import Sql

_FILES_AT_ONCE = 200
_VERSIONS_MOST = 100_000
_NEVER = 1 << 62
_DAYS_MOST = 36_500


@dataclass(slots=True)
class Pruned:
    """What letting versions go comes to: how many, of how many files, and their plain bytes."""

    versions: int = 0
    files: int = 0
    bytes: int = 0

    def add(self, gone: Sequence[OldVersion]) -> None:
        """Count the versions *gone* of one file."""
        self.versions += len(gone)
        self.files += bool(gone)
        self.bytes += sum(version.size for version in gone)


@dataclass(slots=True)
class _SpaceShare:
    """How full of old versions one space is, for ``at most N %``."""

    kept: list[tuple[OldVersion, NodeId, int]] = field(default_factory=list)


class PruningService:
    """Says what spaces keep, and prunes the rest. Pinned versions stay, and what a named moment shows."""

    def __init__(self, log: EventLog, database: Database, clock: Clock, guide: Guide, default: str) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide
        self._default = parse_policy(default)

    async def get_retention(self, principal: Principal, space: str) -> Retention:
        """Return what *space* keeps; None where the appliance's default holds."""
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> Retention:
            self._guide.place(sql, principal, space_id, (), Action.READ)
            return versions.get_retention(sql, space_id)

        return await self._database.read(ask)

    async def set_retention(self, principal: Principal, space: str, retention: Retention) -> SettingChange[Retention]:
        """Say what *space* keeps from now on.

        Raises:
            BadPolicy: a policy is not understood, the days are not a number of days, or the trash is told both.
        """
        parse_policy(retention.versions or "")
        parse_trash_policy(retention.trash or "")
        if retention.trash is not None and retention.trash_days is not None:
            raise BadPolicy(
                N_("The trash is told in days and in words for how long it keeps things."),
                fix=N_("Say it one way: keep {days}d, or leave the words out."),
                days=retention.trash_days,
            )
        if retention.trash_days is not None and not 1 <= retention.trash_days <= _DAYS_MOST:
            raise BadPolicy(N_("The trash keeps things for 1 to 36,500 days."), fix=N_("Choose another number."))
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> SettingChange[Retention]:
            put_retention(unit, self._guide.place(unit.sql, principal, space_id, (), Action.MANAGE).space, retention)
            return SettingChange(retention, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def preview(self, principal: Principal, space: str, policy: str | None) -> Pruned:
        """Return what the *policy*, or the one that holds, would let go now; nothing is changed."""
        space_id = await self._guide.space_id(principal, space)
        wanted = None if policy is None else parse_policy(policy)

        def ask(sql: Sql) -> Pruned:
            found = self._guide.place(sql, principal, space_id, (), Action.READ).space
            chosen = wanted if wanted is not None else self._policy(sql, space_id)
            pruned = Pruned()
            for _, gone in self._find(sql, found, chosen):
                pruned.add(gone)
            return pruned

        return await self._database.read(ask)

    def prune(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Let go, in every space that is not archived, of what its policy does not keep.

        An operation that may end at any moment.
        """
        del parameters
        pruned = Pruned()
        after = ""
        while found := self._database.read_now(partial(spaces.find_spaces, after=after, limit=1)):
            if found[0].archived is None:
                self._prune_space(found[0], pruned, progress)
            after = found[0].id
        return dataclasses.asdict(pruned)

    def prune_space(self, space: SpaceId, progress: Progress) -> dict[str, int | str]:
        """Let go, in one space, of what its policy does not keep; nothing of one that is archived or gone by now."""
        pruned = Pruned()
        found = self._database.read_now(lambda sql: spaces.find_space(sql, space))
        if found is not None and found.archived is None:
            self._prune_space(found, pruned, progress)
        return dataclasses.asdict(pruned)

    def _prune_space(self, space: Space, pruned: Pruned, progress: Progress) -> None:
        policy = self._database.read_now(lambda sql: self._policy(sql, space.id))
        chosen = self._database.read_now(lambda sql: list(self._find(sql, space, policy)))
        for start in range(0, len(chosen), _FILES_AT_ONCE):
            progress.check()
            part = chosen[start : start + _FILES_AT_ONCE]

            def change(unit: Unit, part: list[tuple[NodeId, list[OldVersion]]] = part) -> Pruned:
                return _let_go(unit, space.id, part)

            done = self._log.commit_now(change, actor=APPLIANCE)
            pruned.versions += done.versions
            pruned.files += done.files
            pruned.bytes += done.bytes
            progress.report(pruned.versions, 0)

    def _policy(self, sql: Sql, space: SpaceId) -> Policy:
        own = versions.get_retention(sql, space).versions
        return self._default if own is None else parse_policy(own)

    def _find(self, sql: Sql, space: Space, policy: Policy) -> Iterator[tuple[NodeId, list[OldVersion]]]:
        """Yield the files of *space* and those of their versions that *policy* lets go."""
        if not policy.rules:
            return
        now_ms = to_ms(self._clock.now())
        held = snapshots.held_seqs(sql, space.id)
        share = _SpaceShare()
        gone: dict[NodeId, list[OldVersion]] = {}
        for node in _changed_files(sql, space.id):
            path = find_path(sql, space, node, None)
            rule = policy.rule_for(path or "/")
            if rule is None:
                continue
            old = [each for each in _old_versions(sql, node) if not _is_held(each, held)]
            chosen = find_prunable(rule, path or "/", old, now_ms)
            if chosen:
                gone[node] = chosen
            if rule.percent is not None:
                left = {each.seq for each in chosen}
                share.kept += [(each, node, rule.percent) for each in old if each.seq not in left]
        _trim(share, space.used_bytes, gone)
        yield from gone.items()


def put_retention(unit: Unit, space: Space, retention: Retention) -> None:
    """Let *space* keep what *retention* says, unless it does."""
    before = versions.get_retention(unit.sql, space.id)
    if before == retention:
        return
    versions.set_retention(unit.sql, space.id, retention)
    fact = RetentionSet(subject=space.id, space=space.id, **dataclasses.asdict(retention))
    seq = deeds.seq_of(unit.record(fact))
    remember(unit, space, Setting(space.root, SettingKind.RETENTION), before, retention, seq)


def _trim(share: _SpaceShare, used_bytes: int, gone: dict[NodeId, list[OldVersion]]) -> None:
    """Let the oldest versions go, too, until those that are left take no more than their share of the space."""
    for percent in {percent for _, _, percent in share.kept}:
        kept = sorted(
            ((each, node) for each, node, of in share.kept if of == percent), key=lambda pair: pair[0].replaced_ms
        )
        excess = sum(each.size for each, _ in kept) - used_bytes * percent // 100
        for each, node in kept:
            if excess <= 0:
                break
            gone.setdefault(node, []).append(each)
            excess -= each.size


def _let_go(unit: Unit, space: SpaceId, part: list[tuple[NodeId, list[OldVersion]]]) -> Pruned:
    """Prune what was chosen, but for what became the present version, or was pinned, since it was looked at."""
    pruned = Pruned()
    for node, chosen in part:
        latest = versions.find_latest(unit.sql, node)
        found = [
            each for each in chosen if each.seq != latest and _may_go(versions.find_version(unit.sql, node, each.seq))
        ]
        if found:
            versions.prune(unit.sql, [(node, each.seq) for each in found], unit.now_ms)
            unit.record(VersionsPruned(subject=node, space=space, versions=tuple(each.seq for each in found)))
            pruned.add(found)
    return pruned


def _may_go(version: KeptVersion | None) -> bool:
    return version is not None and version.pin is None and version.pruned is None


def _changed_files(sql: Sql, space: SpaceId) -> Iterator[NodeId]:
    after = ""
    while found := versions.find_changed_files(sql, after, _FILES_AT_ONCE):
        yield from (node for node, owner in found if owner == space)
        after = found[-1][0]


def _old_versions(sql: Sql, node: NodeId) -> list[OldVersion]:
    """Return the versions of *node* that may go, oldest first: not the present one, none that is pinned or gone."""
    latest = versions.find_latest(sql, node)
    found = versions.find_versions(sql, node, _NEVER, _VERSIONS_MOST)[::-1]
    return [
        OldVersion(each.seq, after.seq, to_ms(each.created), to_ms(after.created), each.size)
        for each, after in pairwise(found)
        if each.seq != latest and _may_go(each)
    ]


def _is_held(version: OldVersion, held: Sequence[int]) -> bool:
    """Tell whether a moment that has a name shows *version*."""
    return any(version.seq <= seq < version.replaced_seq for seq in held)
