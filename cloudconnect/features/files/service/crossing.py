"""Copying and moving between spaces: stored again under the other space's keys, and there all at once.

A crossing looks at both ends first, carries the contents while anybody may go on working, and decides again at the end,
in the one unit that gives the whole tree its names and puts the original of a move into the trash. Until then nobody
sees anything of it, and whatever ends it leaves nothing behind.
"""

import dataclasses

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.crossings import Crossed, Crossing, Landed, Route
from cloudconnect.features.files.errors import NoSuchEntry, SourceChanged
from cloudconnect.features.files.models import Usage
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.charging import check_quota
from cloudconnect.features.files.service.ferrying import LIFETIME, Ferry, Tell
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.landing import land
from cloudconnect.features.files.service.places import Place, find_path
from cloudconnect.features.files.service.service import FilesService
from cloudconnect.features.files.store import crossing as store
from cloudconnect.features.files.store import spaces, tree
from cloudconnect.kernel.ids import new_id
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Vault


class CrossingService:
    """Copies and moves files and folders from one space to another; inside one space as ``FilesService`` does."""

    def __init__(self, log: EventLog, database: Database, guide: Guide, vault: Vault, files: FilesService) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault
        self._files = files

    async def cross(self, principal: Principal, crossing: Crossing, tell: Tell = lambda _: None) -> Crossed:
        """Do *crossing* and return once it is done; who stops waiting ends it, and nothing of it stays.

        *tell* is told how many bytes more were read; what it raises ends the crossing too.

        Raises:
            NoSuchEntry: nothing is, or was, at the source.
            Exists: something is at the target and nothing may be replaced.
            NoParent: the folder of the target does not exist.
            RootStays: a whole space is to be moved.
            Stale: the condition does not hold for the original of a move.
            SourceChanged: the original of a move changed meanwhile; it stays, and so does the copy.
            QuotaExceeded: the target's space may not hold as much.
            SpaceArchived: the target's space is archived, or that of the original of a move.
            NoSpace: the disk is full.
        """
        if await self.is_within(principal, crossing):
            return await self._within(principal, crossing)
        route = await self.find_route(principal, crossing)
        await self.check(principal, route)
        identifier = await self.begin(route)
        try:
            await self.carry(principal, route, identifier, tell)
            return await self.land(principal, route, identifier)
        except BaseException:
            # What has its names by now keeps them.
            await self.drop(identifier)
            raise

    async def is_within(self, principal: Principal, crossing: Crossing) -> bool:
        """Tell whether both ends of *crossing* are in one space."""
        space_id = self._guide.space_id
        return await space_id(principal, crossing.space) == await space_id(principal, crossing.into)

    async def find_route(self, principal: Principal, crossing: Crossing) -> Route:
        """Return which spaces *crossing* means, and which moment of the source.

        Raises:
            Denied, NotFound: *principal* may not read the source.
        """
        names, to_names = rules.parse_path(crossing.path), rules.parse_path(crossing.target)
        source = await self._guide.space_id(principal, crossing.space)
        target = await self._guide.space_id(principal, crossing.into)

        def ask(sql: Sql) -> Route:
            seen = self._guide.seen(sql, principal, source, names, crossing.at)
            seq = seen.space.seq if seen.at is None else seen.at
            return Route(source, names, target, to_names, seq, crossing)

        return await self._database.read(ask)

    async def check(self, principal: Principal, route: Route) -> Usage:
        """Return how much would cross, if it could now.

        Raises:
            CloudConnectError: whatever ``cross`` refuses.
        """

        def ask(sql: Sql) -> Usage:
            seen, place, source = self._ends(sql, principal, route)
            if source is not None:
                deeds.check_not_root(source.require_entry())
                rules.check_condition(route.crossing.condition, source.entry, is_required=False)
            place.require_parent(may_be_made=False)
            if not route.crossing.replace:
                rules.check_vacant(place.entry)
            usage = _measure(sql, seen, route)
            check_quota(sql, place.space, usage.logical_bytes, self._guide.now_ms)
            return usage

        usage = await self._database.read(ask)
        self._vault.check_room(usage.logical_bytes)
        return usage

    async def begin(self, route: Route) -> str:
        """Begin to hold what will cross; return the name under which it is held."""

        def change(unit: Unit) -> str:
            identifier = new_id("upl", unit.now_ms)
            store.add(unit.sql, identifier, route.target, unit.now, unit.now + LIFETIME)
            return identifier

        return await self._log.commit(change, actor=APPLIANCE)

    async def carry(self, principal: Principal, route: Route, identifier: str, tell: Tell) -> None:
        """Store everything for the other space that was not stored before; nobody sees any of it.

        Raises:
            CloudConnectError: as ``Ferry.carry`` says.
        """
        seen = await self._database.read(lambda sql: self._seen(sql, principal, route))
        if route.crossing.is_shallow and seen.require_entry().is_folder:
            return
        await Ferry(self._log, self._database, self._vault, route, identifier).carry(seen, tell)

    async def land(self, principal: Principal, route: Route, identifier: str) -> Crossed:
        """Give what crossed its names, all in one unit, and put the original of a move into the trash.

        Raises:
            SourceChanged: the original changed meanwhile; it stays, and so does the copy.
            CloudConnectError: whatever ``cross`` refuses; nothing was done.
        """

        def change(unit: Unit) -> Landed:
            seen, place, source = self._ends(unit.sql, principal, route)
            return land(unit, route, identifier, seen, place, source)

        return await self.tell(route, await self._log.commit(change, actor=principal))

    async def tell(self, route: Route, landed: Landed) -> Crossed:
        """Return what became of a crossing that has *landed*.

        Raises:
            SourceChanged: the original of a move stayed where it was.
        """
        if landed.is_left:
            raise SourceChanged(
                N_("“{path}” was changed while it was copied. It is left as it is; what was copied is at “{target}”."),
                fix=N_("Compare both; take the copy back with: cloudconnect undo {undo}"),
                path=rules.join_path(route.names),
                target=rules.join_path(route.to_names),
                undo=landed.undo,
            )

        def ask(sql: Sql) -> Crossed:
            space = spaces.find_space(sql, route.target)
            entry = tree.find_row(sql, route.target, landed.node, landed.seq)
            path = None if space is None else find_path(sql, space, landed.node, landed.seq)
            if entry is None or path is None:
                raise NoSuchEntry(N_("What was copied is there no more."))
            return Crossed(dataclasses.replace(entry, path=path), landed.seq, landed.undo, landed.source_undo)

        return await self._database.read(ask)

    async def drop(self, identifier: str) -> None:
        """Give up what crossed so far, unless it has its names; gc frees the room."""
        await self._log.commit(lambda unit: store.drop(unit.sql, identifier), actor=APPLIANCE)

    def _seen(self, sql: Sql, principal: Principal, route: Route) -> Place:
        return self._guide.place(sql, principal, route.source, route.names, Action.READ, at=route.seq)

    def _ends(self, sql: Sql, principal: Principal, route: Route) -> tuple[Place, Place, Place | None]:
        """Return what is read, where it goes, and what a move takes away."""
        seen = self._seen(sql, principal, route)
        seen.require_entry()
        place = self._guide.place(sql, principal, route.target, route.to_names, Action.WRITE)
        if not route.crossing.is_move:
            return seen, place, None
        return seen, place, self._guide.place(sql, principal, route.source, route.names, Action.WRITE)

    async def _within(self, principal: Principal, crossing: Crossing) -> Crossed:
        """Do what begins and ends in one space."""
        if crossing.is_move:
            change = await self._files.move(
                principal,
                crossing.space,
                crossing.path,
                crossing.target,
                replace=crossing.replace,
                condition=crossing.condition,
            )
        else:
            change = await self._files.copy(
                principal,
                crossing.space,
                crossing.path,
                crossing.target,
                at=crossing.at,
                replace=crossing.replace,
                is_shallow=crossing.is_shallow,
            )
        return Crossed(change.entry, change.seq, change.undo)


def _measure(sql: Sql, seen: Place, route: Route) -> Usage:
    entry = seen.require_entry()
    if entry.size is not None:
        return Usage(entry.path, 1, 0, entry.size)
    if route.crossing.is_shallow:
        return Usage(entry.path, 0, 0, 0)
    return Usage(entry.path, *tree.measure(sql, entry.node, route.seq))
