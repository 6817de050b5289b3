"""Copies and moves from one space into another: content is read and sealed anew, under the keys of the other space."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import EntryCopied
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import Stale, TooMany, VersionPruned
from cloudconnect.features.files.models import Change, Condition, Entry
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.charging import charge, check_quota
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import Place, walk
from cloudconnect.features.files.service.service import FilesService
from cloudconnect.features.files.store import states, tags, tree
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId, SpaceId, new_id
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import SMALL_BYTES, Batch, Content, Named, Vault

ENTRIES_MOST = 100_000
"""How many entries cross in one step."""

_ANYTHING = Condition()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """From where to where a thing goes, as of when, and what may happen to what is there."""

    source_space: SpaceId
    source: tuple[str, ...]
    target_space: SpaceId
    target: tuple[str, ...]
    at: str | None = None
    replace: bool
    is_shallow: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """What goes: its entries, the one that was named first, their contents, and the seqs that tell whether it changed.

    ``seq`` is the moment that was looked at, ``state`` the last change to the top or to anything below it.
    """

    entries: list[Entry]
    manifests: dict[NodeId, bytes]
    seq: int
    state: int

    @property
    def size(self) -> int:
        """Plain bytes of all files."""
        return sum(entry.size or 0 for entry in self.entries)


@dataclass(frozen=True, slots=True)
class _Carried:
    """Contents that are durable in the other space, by the node whose they are; ``held`` is to be settled."""

    contents: dict[NodeId, Named] = field(default_factory=dict)
    held: list[Batch | Content] = field(default_factory=list)


class CrossingService:
    """Copies and moves to any space; within one space it does what ``FilesService`` does, by reference.

    Between two, nothing is to be seen of it until all of it is there, and a crash leaves nothing behind. Tags, times
    and what clients keep come along; versions, and what is in the trash, stay behind.
    """

    def __init__(self, log: EventLog, database: Database, guide: Guide, vault: Vault, files: FilesService) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault
        self._files = files

    async def copy(
        self,
        principal: Principal,
        space: str,
        source: str,
        target_space: str,
        target: str,
        *,
        at: str | None = None,
        replace: bool = False,
        is_shallow: bool = False,
    ) -> Change:
        """Copy what was at *source* at the moment *at* to *target* in *target_space*, with all below it.

        Raises:
            As ``FilesService.copy``, and:
            QuotaExceeded: the other space may not hold as much.
            TooMany: these are more than 100,000 entries.
            VersionPruned: a content of that moment is no longer kept.
        """
        way = await self._way(
            principal, space, source, target_space, target, at=at, replace=replace, is_shallow=is_shallow
        )
        if way.source_space == way.target_space:
            return await self._files.copy(
                principal, space, source, target, at=at, replace=replace, is_shallow=is_shallow
            )
        found = await self._database.read(lambda sql: self._survey(sql, principal, way))
        carried = await self._carry(way, found)

        def change(unit: Unit) -> Change:
            # Whoever may no longer read it by now gets no copy either.
            self._guide.seen(unit.sql, principal, way.source_space, way.source, None, found.seq)
            place = self._cleared(unit, principal, way)
            copied = self._plant(unit, place, way, found, carried, found.seq)
            return dataclasses.replace(copied, undo=deeds.undo_of(unit, way.target_space))

        return await self._log.commit(change, actor=principal)

    async def move(
        self,
        principal: Principal,
        space: str,
        source: str,
        target_space: str,
        target: str,
        *,
        replace: bool = False,
        condition: Condition = _ANYTHING,
    ) -> Change:
        """Move what is at *source* to *target* in *target_space*: it is copied, and goes to the trash where it was.

        Both happen at one moment, and only if it is still what was copied.

        Raises:
            As ``copy`` and ``FilesService.move``, and:
            Stale: it was changed while it was copied; nothing was moved.
        """
        way = await self._way(principal, space, source, target_space, target, at=None, replace=replace)
        if way.source_space == way.target_space:
            return await self._files.move(principal, space, source, target, replace=replace, condition=condition)

        def leaving(sql: Sql) -> Place:
            left = self._guide.place(sql, principal, way.source_space, way.source, Action.WRITE)
            rules.check_condition(condition, left.require_entry(), is_required=False)
            deeds.check_not_root(left.require_entry())
            return left

        def survey(sql: Sql) -> _Found:
            leaving(sql)
            return self._survey(sql, principal, way)

        found = await self._database.read(survey)
        carried = await self._carry(way, found)

        def change(unit: Unit) -> Change:
            left = leaving(unit.sql)
            entry = left.require_entry()
            if (entry.node, _state(unit.sql, entry)) != (found.entries[0].node, found.state):
                raise Stale(
                    N_("“{path}” was changed while it was copied."), fix=N_("Move it once more."), path=left.path
                )
            place = self._cleared(unit, principal, way)
            moved = self._plant(unit, place, way, found, carried, None)
            deeds.trash_entry(unit, left.space, entry)
            return dataclasses.replace(
                moved, undo=deeds.undo_of(unit, way.target_space), undo_source=deeds.undo_of(unit, way.source_space)
            )

        return await self._log.commit(change, actor=principal)

    async def _way(
        self,
        principal: Principal,
        space: str,
        source: str,
        target_space: str,
        target: str,
        *,
        at: str | None,
        replace: bool,
        is_shallow: bool = False,
    ) -> _Way:
        return _Way(
            source_space=await self._guide.space_id(principal, space),
            source=rules.parse_path(source),
            target_space=await self._guide.space_id(principal, target_space),
            target=rules.parse_path(target),
            at=at,
            replace=replace,
            is_shallow=is_shallow,
        )

    def _survey(self, sql: Sql, principal: Principal, way: _Way) -> _Found:
        """Return what goes, unless it can be told by now that it could not arrive."""
        seen = self._guide.seen(sql, principal, way.source_space, way.source, way.at)
        top = seen.require_entry()
        below = walk(sql, top, seen.at) if top.is_folder and not way.is_shallow else iter(())
        entries = [top, *islice(below, ENTRIES_MOST)]
        if len(entries) > ENTRIES_MOST:
            raise TooMany(
                N_("More than {most} files and folders would go to the other space."),
                fix=N_("Take the folders in it one by one."),
                most=ENTRIES_MOST,
            )
        seq = seen.space.seq if seen.at is None else seen.at
        found = _Found(entries, _manifests(sql, entries), seq, _state(sql, top))
        place = self._guide.place(sql, principal, way.target_space, way.target, Action.WRITE)
        place.require_parent(may_be_made=False)
        if not way.replace:
            rules.check_vacant(place.entry)
        check_quota(sql, place.space, found.size, self._guide.now_ms)
        return found

    async def _carry(self, way: _Way, found: _Found) -> _Carried:
        """Store every content in the other space; what is not settled afterwards is garbage there."""
        carried = _Carried()
        small = [each.node for each in found.entries if each.size is not None and each.size <= SMALL_BYTES]
        manifests = [found.manifests[node] for node in small]
        async for portion in self._vault.read_many(way.source_space, manifests):
            batch = await self._vault.write_many(way.target_space, [_whole(outcome) for _, outcome in portion])
            nodes = [small[number] for number, _ in portion]
            carried.contents.update(zip(nodes, batch.contents, strict=True))
            carried.held.append(batch)
        for node in found.manifests.keys() - carried.contents.keys():
            stream = self._vault.read(way.source_space, found.manifests[node])
            content = await self._vault.write(way.target_space, stream)
            carried.contents[node] = content
            carried.held.append(content)
        return carried

    def _cleared(self, unit: Unit, principal: Principal, way: _Way) -> Place:
        place = self._guide.place(unit.sql, principal, way.target_space, way.target, Action.WRITE)
        deeds.clear_target(unit, place, replace=way.replace)
        return place

    def _plant(self, unit: Unit, place: Place, way: _Way, found: _Found, carried: _Carried, at: int | None) -> Change:
        """Put what was carried into the tree at *place*, with the tags of the moment *at*."""
        charge(unit, place.space, found.size)
        new_nodes = {entry.node: NodeId(new_id("nod", unit.now_ms)) for entry in found.entries}
        top = found.entries[0].node
        copied = EntryCopied(subject=new_nodes[top], space=place.space.id, source=top, origin=way.source_space)
        seq = deeds.seq_of(unit.record(copied))
        for each in carried.held:
            self._vault.settle(unit.sql, place.space.id, each)
        copies = deeds.copy_entries(unit, place, found.entries, new_nodes, seq)
        tree.add_versions(
            unit.sql,
            [
                deeds.new_version(copy, carried.contents[entry.node], unit)
                for entry, copy in zip(found.entries, copies, strict=True)
                if entry.version is not None
            ],
        )
        tags.copy_tags(unit.sql, place.space.id, way.source_space, new_nodes.items(), at, seq)
        return Change(copies[0], seq)


def _manifests(sql: Sql, entries: Sequence[Entry]) -> dict[NodeId, bytes]:
    versions = [(entry.node, entry.version) for entry in entries if entry.version is not None]
    found = {node: manifest for (node, _), manifest in tree.find_manifests(sql, versions).items()}
    if not all(found.values()):
        raise VersionPruned(fix=N_("Choose another moment."))
    return found


def _state(sql: Sql, entry: Entry) -> int:
    """Return the seq of the last change to *entry* or to anything below it."""
    return max(entry.from_seq, states.find_states(sql, [entry.node]).get(entry.node, 0))


def _whole(outcome: bytes | CloudConnectError) -> bytes:
    if isinstance(outcome, CloudConnectError):
        raise outcome
    return outcome
