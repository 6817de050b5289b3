"""Emptying the trash: what was removed is given up, at once by hand or when its time has come by the clock."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import EntryPurged
from cloudconnect.features.files.errors import NotInTrash
from cloudconnect.features.files.models import Trashed, TrashTotal
from cloudconnect.features.files.service.charging import charge
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.store import purging, spaces, trash, tree
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.operations import Progress
from cloudconnect.ports.sql import Sql

_AT_ONCE = 500
_NEVER = 1 << 62


class PurgingService:
    """Gives up what is in the trash. What is purged cannot be restored, undone or seen in the past any more.

    A thing is out of the trash at once; its rows, and those of all that lay below it, go in portions afterwards.
    """

    def __init__(self, log: EventLog, database: Database, clock: Clock, guide: Guide, keep: timedelta) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide
        self._keep = keep

    async def purge(self, principal: Principal, space: str, node: str) -> None:
        """Give up one thing that is in the trash of *space*.

        Raises:
            NotInTrash: it is not in there.
        """
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> None:
            self._guide.place(unit.sql, principal, space_id, (), Action.WRITE)
            found = trash.find_one(unit.sql, space_id, NodeId(node))
            if found is None:
                raise NotInTrash(fix=N_("See what is, with: cloudconnect trash list"))
            _give_up(unit, space_id, [found])

        await self._log.commit(change, actor=principal)

    async def empty(
        self, principal: Principal, space: str, older_than: timedelta | None = None, *, is_dry_run: bool = False
    ) -> TrashTotal:
        """Give up everything in the trash of *space*, or what was removed longer ago than *older_than*."""
        space_id = await self._guide.space_id(principal, space)
        before_ms = to_ms(self._clock.now() - older_than) if older_than is not None else _NEVER
        if is_dry_run:
            return await self._database.read(lambda sql: self._total(sql, principal, space_id, before_ms))

        def change(unit: Unit) -> TrashTotal:
            self._guide.place(unit.sql, principal, space_id, (), Action.WRITE)
            found = trash.find_old(unit.sql, space_id, before_ms, _AT_ONCE)
            size = sum(_measure(unit.sql, each) for each in found)
            _give_up(unit, space_id, found)
            return TrashTotal(len(found), size)

        count = size = 0
        while (part := await self._log.commit(change, actor=principal)).count:
            count, size = count + part.count, size + part.bytes
        return TrashTotal(count, size)

    def purge_old(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Give up what was in the trash for its time, and remove the rows of all that was given up; an operation.

        It may be interrupted at any moment and goes on where it was.
        """
        del parameters
        given_up = removed = 0
        while part := self._log.commit_now(self._give_up_old, actor=APPLIANCE):
            progress.check()
            given_up += part
        while part := self._log.commit_now(_remove_some, actor=APPLIANCE):
            progress.check()
            removed += part
            progress.report(removed, 0)
        return {"purged": given_up, "nodes_removed": removed}

    def _give_up_old(self, unit: Unit) -> int:
        found = 0
        for space_id, days in trash.find_spaces(unit.sql):
            keep = self._keep if days is None else timedelta(days=days)
            old = trash.find_old(unit.sql, space_id, unit.now_ms - to_ms_of(keep), _AT_ONCE - found)
            _give_up(unit, space_id, old)
            found += len(old)
            if found == _AT_ONCE:
                break
        return found

    def _total(self, sql: Sql, principal: Principal, space_id: SpaceId, before_ms: int) -> TrashTotal:
        self._guide.place(sql, principal, space_id, (), Action.READ)
        found = trash.find_old(sql, space_id, before_ms, _NEVER)
        return TrashTotal(len(found), sum(_measure(sql, each) for each in found))


def to_ms_of(span: timedelta) -> int:
    """Return how many milliseconds *span* has."""
    return int(span.total_seconds() * 1000)


def _give_up(unit: Unit, space_id: SpaceId, found: Sequence[Trashed]) -> None:
    space = spaces.find_space(unit.sql, space_id)
    if space is None or not found:
        return
    nodes = [each.node for each in found]
    trash.remove_many(unit.sql, nodes)
    purging.add(unit.sql, space_id, nodes)
    charge(unit, space, -sum(each.size or 0 for each in found))
    for each in found:
        unit.record(EntryPurged(subject=each.node, space=space_id, size=each.size or 0))


def _remove_some(unit: Unit) -> int:
    found = purging.find(unit.sql, _AT_ONCE)
    by_space: dict[SpaceId, list[NodeId]] = {}
    for node, space_id in found:
        by_space.setdefault(space_id, []).append(node)
    for space_id, nodes in by_space.items():
        spaces.charge(unit.sql, space_id, -purging.remove(unit.sql, space_id, nodes))
    return len(found)


def _measure(sql: Sql, trashed: Trashed) -> int:
    return trashed.size if trashed.size is not None else tree.measure(sql, trashed.node, None)[2]
