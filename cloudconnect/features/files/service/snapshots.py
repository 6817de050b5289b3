"""Names for moments of a space."""

from dataclasses import dataclass

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import SnapshotNamed, SnapshotRemoved
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import BadMoment, NoSuchSnapshot, SnapshotExists
from cloudconnect.features.files.models import Setting, SettingChange, SettingKind, Space
from cloudconnect.features.files.moments import Snapshot
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import snapshots
from cloudconnect.features.files.store.snapshots import SnapshotRow
from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql

_COUNTER_BITS = 16


@dataclass(frozen=True, slots=True)
class SnapshotMark:
    """Which moment a snapshot names, and when and by whom it was named."""

    seq: int
    created_ms: int
    created_by: str


class SnapshotsService:
    """Names moments, and forgets names. What was true at a moment that has a name is kept for as long as it has it.

    A name stands wherever a moment can: ``--at NAME``. It is given and taken by those who may write to the space.
    """

    def __init__(self, log: EventLog, database: Database, guide: Guide) -> None:
        self._log = log
        self._database = database
        self._guide = guide

    async def add_snapshot(
        self, principal: Principal, space: str, name: str, at: str | None = None
    ) -> SettingChange[Snapshot]:
        """Name the present, or the moment *at*.

        Raises:
            BadSnapshotName: nothing can be called so.
            SnapshotExists: something is called so already.
            BadMoment: there was no space yet at that moment, or it has not come.
        """
        space_id = await self._guide.space_id(principal, space)
        name = rules.snapshot_name(name)

        def change(unit: Unit) -> SettingChange[Snapshot]:
            found = self._guide.place(unit.sql, principal, space_id, (), Action.WRITE).space
            rules.check_snapshot_name(name, unit.now)
            if snapshots.find_seq(unit.sql, space_id, name) is not None:
                raise SnapshotExists(N_("“{name}” is a snapshot already."), fix=N_("Choose another name."), name=name)
            meant = self._guide.seq(unit.sql, space_id, at)
            seq = found.seq if meant is None else meant
            if not 1 <= seq <= found.seq:
                raise BadMoment(
                    N_("“{text}” is no moment of this space."),
                    fix=N_("Choose one since it was made."),
                    text=(at or "")[:100],
                )
            put_snapshot(unit, found, name, SnapshotMark(seq, unit.now_ms, unit.actor.name))
            return SettingChange(self._named(unit.sql, space_id, name), deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def find_snapshots(self, principal: Principal, space: str, limit: int, cursor: str | None) -> Page[Snapshot]:
        """Return a page of the snapshots of a space by name."""
        space_id = await self._guide.space_id(principal, space)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""

        def ask(sql: Sql) -> list[Snapshot]:
            self._guide.place(sql, principal, space_id, (), Action.READ)
            return [_snapshot(row) for row in snapshots.find_snapshots(sql, space_id, after, limit + 1)]

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].name) if len(found) > limit else None)

    async def remove_snapshot(self, principal: Principal, space: str, name: str) -> SettingChange[Snapshot]:
        """Forget a name; what it alone kept is no longer kept.

        Raises:
            NoSuchSnapshot: nothing is called so.
        """
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> SettingChange[Snapshot]:
            found = self._guide.place(unit.sql, principal, space_id, (), Action.WRITE).space
            removed = self._named(unit.sql, space_id, rules.snapshot_name(name))
            put_snapshot(unit, found, removed.name, None)
            return SettingChange(removed, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    def _named(self, sql: Sql, space_id: SpaceId, name: str) -> Snapshot:
        row = snapshots.find_snapshot(sql, space_id, name)
        if row is None:
            raise NoSuchSnapshot(
                N_("No snapshot is called “{name}”."),
                fix=N_("See them with: cloudconnect snapshot list"),
                name=name[:100],
            )
        return _snapshot(row)


def put_snapshot(unit: Unit, space: Space, name: str, mark: SnapshotMark | None) -> None:
    """Let *name* stand for the moment of *mark*, or for none, unless it does."""
    row = snapshots.find_snapshot(unit.sql, space.id, name)
    before = None if row is None else SnapshotMark(row.seq, row.created_ms, row.created_by)
    if before == mark:
        return
    seq = 0
    if before is not None:
        snapshots.remove_snapshot(unit.sql, space.id, name)
        seq = deeds.seq_of(unit.record(SnapshotRemoved(subject=space.id, space=space.id, name=name, seq=before.seq)))
    if mark is not None:
        snapshots.add_snapshot(unit.sql, space.id, name, mark.seq, mark.created_ms, mark.created_by)
        seq = deeds.seq_of(unit.record(SnapshotNamed(subject=space.id, space=space.id, name=name, seq=mark.seq)))
    remember(unit, space, Setting(space.root, SettingKind.SNAPSHOT, name), before, mark, seq)


def _snapshot(row: SnapshotRow) -> Snapshot:
    return Snapshot(row.name, row.seq, from_ms(row.hlc >> _COUNTER_BITS), from_ms(row.created_ms), row.created_by)
