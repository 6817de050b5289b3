"""What one unit does when contents have crossed into another space: the whole tree gets its names there at once."""

import dataclasses
from collections.abc import Iterator
from itertools import islice

from cloudconnect.bus import Unit
from cloudconnect.events.files import EntryCopied
from cloudconnect.features.files.crossings import Landed, Route
from cloudconnect.features.files.models import Entry, Version
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.charging import charge
from cloudconnect.features.files.service.ferrying import Cargo, given_up
from cloudconnect.features.files.service.places import Place, walk
from cloudconnect.features.files.store import crossing as store
from cloudconnect.features.files.store import properties, states, tags, tree
from cloudconnect.kernel.ids import NodeId, new_id
from cloudconnect.ports.sql import Sql

_AT_ONCE = 1_000


def land(unit: Unit, route: Route, identifier: str, seen: Place, place: Place, source: Place | None) -> Landed:
    """Put what crossed from *seen* at *place*, and the original of a move, at *source*, into the trash of its space.

    An original that has changed since it was read is left as it is, also one that somebody took away.

    Raises:
        QuotaExceeded: the space may not hold as much.
        Exists: something is at *place*, and nothing may be replaced.
        SourceChanged: something that was read is gone for good.
        CrossingExpired: it was given up meanwhile.
        EntryLocked: somebody else's lock lies on what is to be replaced, or on the original of a move.
    """
    if not store.is_open(unit.sql, identifier, unit.now):
        raise given_up()
    original = seen.require_entry()
    deeds.clear_target(unit, place, replace=route.crossing.replace)
    top = NodeId(new_id("nod", unit.now_ms))
    seq = deeds.seq_of(unit.record(EntryCopied(subject=top, space=route.target, source=original.node)))
    charge(unit, place.space, store.measure(unit.sql, identifier))
    Planting(unit, route, Cargo(unit.sql, identifier, seen), seen, seq).plant(top, place)
    is_left = False
    if source is not None:
        entry = source.entry
        is_left = entry is None or not is_unchanged(unit.sql, entry, original, route.seq)
        if entry is not None and not is_left:
            deeds.trash_entry(unit, source.space, entry)
    landed = Landed(top, seq, deeds.undo_of(unit, route.target), deeds.undo_of(unit, route.source), is_left)
    store.finish(unit.sql, identifier, landed)
    return landed


def is_unchanged(sql: Sql, entry: Entry, original: Entry, seq: int) -> bool:
    """Tell whether *entry*, with all below it, is what *original* was at *seq*."""
    if entry.node != original.node or entry.from_seq > seq:
        return False
    return states.find_states(sql, [entry.node]).get(entry.node, 0) <= seq


class Planting:
    """Gives names to what crossed, some at a time: a tree may have more entries than fit into memory."""

    def __init__(self, unit: Unit, route: Route, cargo: Cargo, seen: Place, seq: int) -> None:
        self._unit = unit
        self._route = route
        self._cargo = cargo
        self._seen = seen
        self._seq = seq
        self._folders: dict[NodeId, NodeId] = {}

    def plant(self, top: NodeId, place: Place) -> None:
        """Plant the original as the node *top* at *place*, and all below it."""
        original = self._seen.require_entry()
        parent = place.line[len(place.names) - 1].node
        self._folders[original.node] = top
        entries = self._entries(original)
        while portion := list(islice(entries, _AT_ONCE)):
            self._plant_portion(portion, (parent, place.names[-1]))

    def _entries(self, original: Entry) -> Iterator[Entry]:
        yield original
        if original.is_folder and not self._route.crossing.is_shallow:
            yield from walk(self._unit.sql, original, self._route.seq)

    def _plant_portion(self, portion: list[Entry], top: tuple[NodeId, str]) -> None:
        sql, target = self._unit.sql, self._route.target
        original = self._seen.require_entry().node
        new_nodes: dict[NodeId, NodeId] = {}
        planted: list[Entry] = []
        for entry in portion:
            node = self._folders.get(entry.node) or NodeId(new_id("nod", self._unit.now_ms))
            if entry.is_folder:
                self._folders[entry.node] = node
            new_nodes[entry.node] = node
            parent, name = top if entry.node == original else (self._folders[NodeId(entry.parent or "")], entry.name)
            version = None if entry.is_folder else self._seq
            planted.append(
                dataclasses.replace(entry, node=node, parent=parent, name=name, from_seq=self._seq, version=version)
            )
        files = [entry for entry in portion if not entry.is_folder]
        tree.add_versions(sql, [self._version(entry, new_nodes[entry.node]) for entry in files])
        tree.add_entries(sql, target, planted)
        properties.copy(sql, new_nodes.items())
        tags.copy_tags(sql, self._route.source, new_nodes.items(), self._route.seq, self._seq, target)

    def _version(self, entry: Entry, node: NodeId) -> Version:
        held = self._cargo.take(entry)
        return Version(
            node=node,
            seq=self._seq,
            size=held.size,
            sha256=entry.sha256 or b"",
            media_type=entry.media_type or "",
            manifest=held.manifest,
            content=held.key,
            author=self._unit.actor.id,
            created=self._unit.now,
        )
