"""Changing what is kept beside an entry: what clients keep there, and when it was modified."""

import dataclasses
from collections.abc import Mapping

from cloudconnect.bus import EventLog, Unit
from cloudconnect.events.files import PropertiesChanged
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import TooManyProperties
from cloudconnect.features.files.models import Change, Condition, Setting, SettingKind, Space
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import properties, states, tree
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql

COUNT_MOST = 200
TEXT_MOST_BYTES = 64 << 10
"""How many properties there may be beside one entry, and how long they may be together, with their names."""

_ANYTHING = Condition(is_whatever=True)


class PropertiesService:
    """Changes properties; they go with the entry when it is moved, removed or restored, and are copied with it."""

    def __init__(self, log: EventLog, guide: Guide) -> None:
        self._log = log
        self._guide = guide

    async def change(
        self,
        principal: Principal,
        space: str,
        path: str,
        values: Mapping[str, str | None],
        *,
        modified_ns: int | None = None,
        condition: Condition = _ANYTHING,
    ) -> Change:
        """Set the properties that *values* names, or remove them where it says None; all of it or nothing.

        *modified_ns* becomes the moment at which the entry was modified; its content and ETag stay as they are. What is
        so already is not said twice.

        Raises:
            NoSuchEntry: nothing is at *path*.
            TooManyProperties: more than 200, or more than 64 KiB.
            Stale: *condition* does not hold.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Change:
            place = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE)
            entry = place.require_entry()
            rules.check_condition(condition, entry, is_required=False)
            touched = entry if modified_ns is None else dataclasses.replace(entry, modified_ns=modified_ns)
            if touched == entry and not _differing(unit.sql, entry.node, values):
                return Change(entry, entry.from_seq)
            seq = put_properties(unit, place.space, entry.node, values)
            states.touch(unit.sql, [(entry.node if entry.is_folder else NodeId(entry.parent or ""), seq)])
            _check_size(unit.sql, entry.node)
            undo = deeds.undo_of(unit, space_id)
            if touched == entry:
                return Change(entry, seq, undo)
            changed = dataclasses.replace(touched, from_seq=seq)
            tree.close_entry(unit.sql, entry.node, seq)
            tree.add_entry(unit.sql, space_id, changed)
            return Change(changed, seq, undo)

        return await self._log.commit(change, actor=principal)


def put_properties(unit: Unit, space: Space, node: NodeId, values: Mapping[str, str | None]) -> int:
    """Set the properties of *node* that *values* names, or remove them where it says None; return the seq of it."""
    differing = _differing(unit.sql, node, values)
    seq = deeds.seq_of(unit.record(PropertiesChanged(subject=node, space=space.id)))
    properties.write(unit.sql, node, values)
    for name, (before, after) in differing.items():
        remember(unit, space, Setting(node, SettingKind.PROPERTY, name), before, after, seq)
    return seq


def _differing(sql: Sql, node: NodeId, values: Mapping[str, str | None]) -> dict[str, tuple[str | None, str | None]]:
    """Return which of *values* differ from what *node* has, each with what it has and what it is to get."""
    held = properties.find(sql, [node]).get(node, {})
    return {name: (held.get(name), value) for name, value in values.items() if held.get(name) != value}


def _check_size(sql: Sql, node: NodeId) -> None:
    kept = properties.find(sql, [node]).get(node, {})
    if len(kept) > COUNT_MOST or sum(len(each.encode()) for pair in kept.items() for each in pair) > TEXT_MOST_BYTES:
        raise TooManyProperties(
            N_("A file or folder takes {count} properties and {size} bytes of them."),
            fix=N_("Remove some first."),
            count=COUNT_MOST,
            size=TEXT_MOST_BYTES,
        )
