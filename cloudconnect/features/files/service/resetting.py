"""Taking back what was set for spaces, files and folders, through the same doors by which it was set."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import msgspec

from cloudconnect.bus import Unit
from cloudconnect.features.files.models import Field, Retention, Setting, SettingKind, Space
from cloudconnect.features.files.moments import Obstacle, Seqs
from cloudconnect.features.files.service.accounting import put_quota
from cloudconnect.features.files.service.brake import put_limit
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.properties import put_properties
from cloudconnect.features.files.service.pruning import put_retention
from cloudconnect.features.files.service.reversals import Reversal, reverse
from cloudconnect.features.files.service.snapshots import SnapshotMark, put_snapshot
from cloudconnect.features.files.service.spaces import put_archived, rename
from cloudconnect.features.files.service.tags import put_field
from cloudconnect.features.files.service.versions import put_pin
from cloudconnect.features.files.store import settings, spaces, states, tree, versions
from cloudconnect.features.files.store.settings import SettingRow
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.access import Action, Resource
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class SettingStep:
    """A setting that is to be what it was ``then``, JSON, None for not set."""

    setting: Setting
    then: str | None


def find_reversals(sql: Sql, space: Space, seqs: Seqs) -> Iterator[tuple[Setting, Reversal[SettingRow]]]:
    """Yield what takes back what *seqs* did to settings in *space*."""
    rows = settings.find_touched(sql, space.id, seqs.first, seqs.last)
    for setting, group in groupby(rows, key=lambda row: row.setting):
        reversal = reverse(group, seqs, value_of)
        if reversal is not None:
            yield setting, reversal


def value_of(row: SettingRow | None) -> str | None:
    """Return the value that *row* tells of, by which two are told apart."""
    return None if row is None else row.value


def find_obstacle(sql: Sql, space: Space, step: SettingStep) -> Obstacle | None:
    """Return why *step* cannot be taken, None if it can."""
    if step.then is None:
        return None
    setting = step.setting
    if setting.kind is SettingKind.NAME:
        others = spaces.find_named(sql, msgspec.json.decode(step.then, type=str))
        return Obstacle.NAME_TAKEN if any(each.owner == space.owner for each in others) else None
    if setting.kind is SettingKind.PIN:
        version = versions.find_version(sql, setting.node, int(setting.key))
        return Obstacle.VERSION_GONE if version is None or version.pruned is not None else None
    return None


def require(guide: Guide, sql: Sql, principal: Principal, space: Space, kind: SettingKind) -> None:
    """Return if *principal* may set what is of this *kind* for *space* itself.

    Raises:
        Denied, NotFound: as ``Access.require`` decides.
    """
    if kind is SettingKind.QUOTA:
        guide.access.require_admin(principal)
    elif kind in (SettingKind.NAME, SettingKind.ARCHIVED):
        guide.place_to_manage(sql, principal, space.id)
    else:
        action = Action.WRITE if kind is SettingKind.SNAPSHOT else Action.MANAGE
        guide.access.require(sql, principal, action, Resource(space.id, (space.root,)))


def revives(steps: Iterable[SettingStep]) -> bool:
    """Tell whether *steps*, of a space, end that it is archived."""
    return any(step.setting.kind is SettingKind.ARCHIVED and step.then is None for step in steps)


def put_back(unit: Unit, space: Space, steps: Iterable[SettingStep]) -> None:
    """Let the settings of *steps* be what they were, each told as a fact; the properties of one node by one."""
    kept: dict[NodeId, dict[str, str | None]] = {}
    for step in steps:
        if step.setting.kind is SettingKind.PROPERTY:
            value = None if step.then is None else msgspec.json.decode(step.then, type=str)
            kept.setdefault(step.setting.node, {})[step.setting.key] = value
        else:
            _SETTERS[step.setting.kind](unit, space, step)
    for node, values in kept.items():
        seq = put_properties(unit, space, node, values)
        entry = tree.find_row(unit.sql, space.id, node, None)
        if entry is not None:
            states.touch(unit.sql, [(node if entry.is_folder or entry.parent is None else entry.parent, seq)])


def _put_name(unit: Unit, space: Space, step: SettingStep) -> None:
    if step.then is not None:
        rename(unit, space, msgspec.json.decode(step.then, type=str))


def _put_archived(unit: Unit, space: Space, step: SettingStep) -> None:
    put_archived(unit, space, archived=step.then is not None)


def _put_quota(unit: Unit, space: Space, step: SettingStep) -> None:
    put_quota(unit, space, None if step.then is None else msgspec.json.decode(step.then, type=int))


def _put_retention(unit: Unit, space: Space, step: SettingStep) -> None:
    told = Retention(None, None) if step.then is None else msgspec.json.decode(step.then, type=Retention)
    put_retention(unit, space, told)


def _put_limit(unit: Unit, space: Space, step: SettingStep) -> None:
    put_limit(unit, space, None if step.then is None else msgspec.json.decode(step.then, type=int))


def _put_field(unit: Unit, space: Space, step: SettingStep) -> None:
    put_field(unit, space, step.setting.key, None if step.then is None else msgspec.json.decode(step.then, type=Field))


def _put_snapshot(unit: Unit, space: Space, step: SettingStep) -> None:
    mark = None if step.then is None else msgspec.json.decode(step.then, type=SnapshotMark)
    put_snapshot(unit, space, step.setting.key, mark)


def _put_pin(unit: Unit, space: Space, step: SettingStep) -> None:
    version = versions.find_version(unit.sql, step.setting.node, int(step.setting.key))
    if version is not None:
        put_pin(unit, space, version, None if step.then is None else msgspec.json.decode(step.then, type=str))


_SETTERS: Final[dict[SettingKind, Callable[[Unit, Space, SettingStep], None]]] = {
    SettingKind.NAME: _put_name,
    SettingKind.ARCHIVED: _put_archived,
    SettingKind.QUOTA: _put_quota,
    SettingKind.RETENTION: _put_retention,
    SettingKind.BRAKE: _put_limit,
    SettingKind.FIELD: _put_field,
    SettingKind.SNAPSHOT: _put_snapshot,
    SettingKind.PIN: _put_pin,
}
