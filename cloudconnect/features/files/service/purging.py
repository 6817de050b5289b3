"""Emptying the trash: what was removed is given up, at once by hand or when its time has come by the clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files.errors import NotInTrash
from cloudconnect.features.files.models import Retention, Space, Trashed, TrashTotal
from cloudconnect.features.files.service.due import Due, find_due, find_for_disk
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.yielding import Reason, give_up
from cloudconnect.features.files.store import purging, spaces, trash, tree, versions, yielding
from cloudconnect.features.files.trash_policy import trash_policy_of
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.operations import Progress
from cloudconnect.ports.sql import Sql

_AT_ONCE = 500
_CHOSEN_AT_ONCE = 10_000
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of the store: what it holds and what is free of it, bytes."""

    total_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """When the trash makes room on the disk: below so many per cent free; gc frees what it gave up ``freed_within``."""

    disk: Callable[[], Disk]
    least_free_percent: int
    freed_within: timedelta


_NO_WATERMARK = Watermark(lambda: Disk(0, 0), 0, timedelta())


class PurgingService:
    """Gives up what is in the trash. What is purged cannot be restored, undone or seen in the past any more.

    A thing is out of the trash at once; its rows, and those of all that lay below it, go in portions afterwards.
    """

    def __init__(
        self,
        log: EventLog,
        database: Database,
        clock: Clock,
        guide: Guide,
        keep: timedelta,
        watermark: Watermark = _NO_WATERMARK,
    ) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide
        self._keep = keep
        self._disk = watermark.disk
        self._least_free_percent = watermark.least_free_percent
        self._freed_within = watermark.freed_within

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
            give_up(unit, space_id, [found], Reason.ASKED)

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
            give_up(unit, space_id, found, Reason.ASKED)
            return TrashTotal(len(found), size)

        count = size = 0
        while (part := await self._log.commit(change, actor=principal)).count:
            count, size = count + part.count, size + part.bytes
        return TrashTotal(count, size)

    async def preview(self, principal: Principal, space: str, retention: Retention | None = None) -> TrashTotal:
        """Return what *retention*, or what holds, would take out of the trash of *space* now; nothing is changed."""
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> TrashTotal:
            found = self._guide.place(sql, principal, space_id, (), Action.READ).space
            wanted = versions.get_retention(sql, space_id) if retention is None else retention
            sizes = [each.size for each in self._find_due(sql, found, wanted)]
            return TrashTotal(len(sizes), sum(sizes))

        return await self._database.read(ask)

    async def find_stay(self, principal: Principal, space: str) -> timedelta | None:
        """Return how long *space* keeps what was removed while there is room; None where a policy tells apart."""
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> timedelta | None:
            self._guide.place(sql, principal, space_id, (), Action.READ)
            retention = versions.get_retention(sql, space_id)
            if retention.trash is not None:
                return None
            return self._keep if retention.trash_days is None else timedelta(days=retention.trash_days)

        return await self._database.read(ask)

    def purge_old(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Give up what policies no longer keep, and what a full disk needs, and remove the rows of it; an operation.

        It may be interrupted at any moment and goes on where it was.
        """
        del parameters
        given_up = removed = 0
        for space in self._database.read_now(trash.find_spaces):
            given_up += self._purge_due(space, progress)
        given_up += self._purge_for_disk(progress)
        while part := self._log.commit_now(_remove_some, actor=APPLIANCE):
            progress.check()
            removed += part
            progress.report(removed, 0)
        return {"purged": given_up, "nodes_removed": removed}

    def _purge_due(self, space_id: SpaceId, progress: Progress) -> int:
        def ask(sql: Sql) -> list[Due]:
            retention, space = versions.get_retention(sql, space_id), spaces.find_space(sql, space_id)
            return [] if space is None else list(islice(self._find_due(sql, space, retention), _CHOSEN_AT_ONCE))

        given_up = 0
        while due := self._database.read_now(ask):
            given_up += self._give_up_due(due, progress)
        return given_up

    def _find_due(self, sql: Sql, space: Space, retention: Retention) -> Iterator[Due]:
        policy = trash_policy_of(retention, to_ms_of(self._keep))
        return find_due(sql, space, policy, to_ms(self._clock.now()), self._disk().total_bytes)

    def _purge_for_disk(self, progress: Progress) -> int:
        disk = self._disk()
        wanted = disk.total_bytes * self._least_free_percent // 100 - disk.free_bytes
        if wanted <= 0:
            return 0

        def ask(sql: Sql) -> list[Due]:
            now_ms = to_ms(self._clock.now())
            given = yielding.find_given(sql, now_ms - to_ms_of(self._freed_within))
            return find_for_disk(sql, wanted - given, now_ms)

        due = self._database.read_now(ask)
        given = sum(each.size for each in due)

        def note(unit: Unit) -> None:
            yielding.forget_given(unit.sql, unit.now_ms - to_ms_of(self._freed_within))
            yielding.note_given(unit.sql, unit.now_ms, given)

        if due:
            # Noted first: after an interruption too little is given up for a while, never too much.
            self._log.commit_now(note, actor=APPLIANCE)
        return self._give_up_due(due, progress)

    def _give_up_due(self, due: Sequence[Due], progress: Progress) -> int:
        given_up = 0
        for start in range(0, len(due), _AT_ONCE):
            progress.check()
            part = due[start : start + _AT_ONCE]
            given_up += self._log.commit_now(partial(_give_up_part, part=part), actor=APPLIANCE)
        return given_up

    def _total(self, sql: Sql, principal: Principal, space_id: SpaceId, before_ms: int) -> TrashTotal:
        self._guide.place(sql, principal, space_id, (), Action.READ)
        found = trash.find_old(sql, space_id, before_ms, _NEVER)
        return TrashTotal(len(found), sum(_measure(sql, each) for each in found))


def to_ms_of(span: timedelta) -> int:
    """Return how many milliseconds *span* has."""
    return int(span.total_seconds() * 1000)


def _give_up_part(unit: Unit, part: Sequence[Due]) -> int:
    """Give up what is still in the trash since the moment at which it was chosen."""
    given_up = 0
    for each in part:
        found = trash.find_one(unit.sql, each.space, each.trashed.node)
        if found is not None and found.seq == each.trashed.seq:
            give_up(unit, each.space, [found], each.reason)
            given_up += 1
    return given_up


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
