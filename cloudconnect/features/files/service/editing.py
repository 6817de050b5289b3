"""Doing one thing to everything that a selection selects: first as a plan, then as the plan said."""

import dataclasses
import hashlib
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import EntryMoved
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import Exists, IntoItself, PlanDrifted, PlanMissing, TooMany
from cloudconnect.features.files.models import BulkDeed, BulkEdit, BulkEdited, BulkPlan, Entry, Space
from cloudconnect.features.files.service import braking, deeds
from cloudconnect.features.files.service.finding import FindingService
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.lineage import Lineage
from cloudconnect.features.files.service.places import Place, find_place
from cloudconnect.features.files.service.tags import tag, untag
from cloudconnect.features.files.store import finding as store
from cloudconnect.features.files.store import tags, tree
from cloudconnect.features.files.store.bulk import Planned
from cloudconnect.kernel import selection
from cloudconnect.kernel.clock import Clock, from_ms, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.paging import decode_cursor, encode_cursor, to_moment
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql

SELECTED_MAX = 200_000
_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """An edit with what it will be done to."""

    space: SpaceId
    edit: BulkEdit
    plan: BulkPlan
    items: list[Entry]


class EditingService:
    """Plans edits in bulk, and does what was planned; whoever calls says how much of it in one unit."""

    def __init__(self, log: EventLog, database: Database, guide: Guide, clock: Clock, finding: FindingService) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._clock = clock
        self._finding = finding

    async def plan(self, principal: Principal, space: str, edit: BulkEdit) -> BulkPlan:
        """Return what *edit* would do, without doing any of it.

        Raises:
            BadSelection, BadEdit: it cannot be read, or makes no sense.
            TooMany: it selects more than 200,000 entries.
            NoSuchEntry: there is no such folder to look below, or to move into.
            Exists: something of the same name is in the folder to move into.
        """
        space_id = await self._guide.space_id(principal, space)
        now = from_ms(to_ms(self._clock.now()))
        return (await self._database.read(self._planner(principal, space_id, edit, now)))[0]

    async def prepare(
        self, principal: Principal, space: str, edit: BulkEdit, token: str, expected: int | None = None
    ) -> Prepared:
        """Return what the plan *token* said *edit* would do, if it still would.

        Raises:
            PlanMissing: *token* is empty.
            PlanDrifted: something else is selected by now, or not *expected* items.
        """
        if not token:
            raise PlanMissing(N_("An edit in bulk needs its plan."), fix=N_("Ask for it with dry_run first."))
        now_ms, _, digest = decode_cursor(token, int, int, str)
        space_id = await self._guide.space_id(principal, space)
        plan, items = await self._database.read(self._planner(principal, space_id, edit, to_moment(now_ms)))
        if decode_cursor(plan.token, int, int, str)[2] != digest or expected not in {None, plan.items}:
            raise _drifted()
        return Prepared(space_id, edit, plan, items)

    async def carry_out(self, principal: Principal, prepared: Prepared) -> BulkEdited:
        """Do what was *prepared*, as a whole or not at all; each item is a fact of its own.

        Raises:
            PlanDrifted: something else is selected by now.
        """
        planned = [Planned(entry.node, entry.from_seq, entry.path) for entry in prepared.items]

        def change(unit: Unit) -> BulkEdited:
            self.do_portion(unit, principal, prepared.space, prepared.edit, planned, is_strict=True)
            _, seq = unit.spans.get(prepared.space, (0, prepared.plan.seq))
            return BulkEdited(prepared.plan, len(planned), seq, deeds.undo_of(unit, prepared.space))

        return await self._log.commit(change, actor=principal)

    def do_portion(
        self,
        unit: Unit,
        principal: Principal,
        space_id: SpaceId,
        edit: BulkEdit,
        planned: Sequence[Planned],
        *,
        is_strict: bool = False,
    ) -> int:
        """Do *edit* to what was *planned*, and return to how many items; rights, brake and locks are decided anew.

        What is no longer as the plan saw it, or cannot go where it should, is passed over.

        Raises:
            PlanDrifted: *is_strict*, and something is not as the plan saw it.
        """
        place = self._guide.place(unit.sql, principal, space_id, rules.parse_path(edit.path), Action.WRITE)
        into = rules.parse_path(edit.into) if edit.deed is BulkDeed.MOVE else ()
        target = self._guide.place(unit.sql, principal, space_id, into, Action.WRITE)
        entries = _find_unchanged(unit.sql, place.space, planned)
        if is_strict and len(entries) < len(planned):
            raise _drifted()
        if edit.deed is BulkDeed.TRASH:
            braking.announce(unit, place.space, len(entries))
        done = 0
        for entry in entries:
            try:
                _do(unit, target, edit, entry)
            except (Exists, IntoItself):
                if is_strict:
                    raise
            else:
                done += 1
        return done

    def _planner(
        self, principal: Principal, space_id: SpaceId, edit: BulkEdit, now: datetime
    ) -> Callable[[Sql], tuple[BulkPlan, list[Entry]]]:
        query = rules.check_edit(edit, selection.read(edit.where))
        names = rules.parse_path(edit.path)

        def ask(sql: Sql) -> tuple[BulkPlan, list[Entry]]:
            self._guide.place(sql, principal, space_id, names, Action.WRITE)
            place = self._finding.seen(sql, principal, space_id, names, query)
            selected = []
            for entry in self._finding.select(sql, principal, place, query, now):
                selected.append(entry)
                if len(selected) > SELECTED_MAX:
                    raise TooMany(
                        N_("More than {most} files and folders are selected."),
                        fix=N_("Select less at a time."),
                        most=SELECTED_MAX,
                    )
            items, touched = _items(sql, edit, selected)
            self._check(sql, principal, space_id, edit, items)
            return _plan(sql, edit, place, now, items, touched), items

        return ask

    def _check(self, sql: Sql, principal: Principal, space_id: SpaceId, edit: BulkEdit, items: Sequence[Entry]) -> None:
        """Return if *edit* could be done to *items*, as far as can be told beforehand."""
        rules.check_tags(edit.added, tags.find_fields(sql, space_id))
        if edit.deed is BulkDeed.MOVE:
            into = rules.parse_path(edit.into)
            target = self._guide.place(sql, principal, space_id, into, Action.WRITE)
            rules.check_distinct(items)
            for name in tree.find_named(sql, target.require_folder(), [entry.name for entry in items]).values():
                rules.check_vacant(name)


def _do(unit: Unit, target: Place, edit: BulkEdit, entry: Entry) -> None:
    """Do to one *entry* what *edit* says."""
    match edit.deed:
        case BulkDeed.TRASH:
            deeds.trash_entry(unit, target.space, entry)
        case BulkDeed.MOVE:
            _move(unit, target, entry)
        case BulkDeed.TAG:
            untag(unit, target.space, entry.node, edit.removed, may_lack=True)
            tag(unit, target.space, entry.node, edit.added)


def _move(unit: Unit, target: Place, entry: Entry) -> None:
    if entry.node in target.resource.line:
        raise IntoItself(N_("“{target}” lies below “{source}”."), target=target.path, source=entry.path)
    place = find_place(unit.sql, target.space, (*target.names, entry.name))
    if place.entry is not None and place.entry.node == entry.node:
        return
    deeds.clear_target(unit, place, replace=False)
    seq = deeds.seq_of(unit.record(EntryMoved(subject=entry.node, space=target.space.id)))
    deeds.replant(unit, entry, place, seq)


def _items(sql: Sql, edit: BulkEdit, selected: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return what *edit* is done to, and what of *selected* goes along with it or is that itself.

    A folder is moved or removed only with all it holds. Where not all of that is selected, it stays, unless the edit is
    recursive: nothing goes that was not asked for.
    """
    if edit.deed is BulkDeed.TAG:
        return selected, selected
    whole = selected if edit.is_recursive else _whole(sql, selected)
    paths = {entry.path for entry in whole}
    items = [entry for entry in whole if not any(above in paths for above in _above(entry.path))]
    return items, whole


def _whole(sql: Sql, selected: list[Entry]) -> list[Entry]:
    """Return the files of *selected*, and those folders in which everything is selected, at every depth."""
    counts = store.count_children(sql, [entry.node for entry in selected if entry.is_folder])
    held: dict[NodeId, int] = {}
    whole = []
    for entry in sorted(selected, key=lambda each: -each.path.count("/")):
        if entry.is_folder and held.get(entry.node, 0) != counts.get(entry.node, 0):
            continue
        whole.append(entry)
        if entry.parent is not None:
            held[entry.parent] = held.get(entry.parent, 0) + 1
    return sorted(whole, key=lambda each: each.node)


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(2, len(parts))]


def _plan(sql: Sql, edit: BulkEdit, place: Place, now: datetime, items: list[Entry], touched: list[Entry]) -> BulkPlan:
    files, folders, size = 0, 0, 0
    counted = items if edit.is_recursive else touched
    for entry in counted:
        below = tree.measure(sql, entry.node, None) if edit.is_recursive and entry.is_folder else (0, 0, 0)
        files += below[0] + (not entry.is_folder)
        folders += below[1] + entry.is_folder
        size += below[2] + (entry.size or 0)
    digest = hashlib.sha256(repr((edit, files, folders, size)).encode())
    for entry in items:
        digest.update(f"{entry.node} {entry.from_seq} {entry.path}\0".encode())
    return BulkPlan(
        token=encode_cursor(to_ms(now), place.space.seq, digest.hexdigest()),
        seq=place.space.seq,
        items=len(items),
        files=files,
        folders=folders,
        logical_bytes=size,
        examples=tuple(heapq.nsmallest(_EXAMPLES, (entry.path for entry in items))),
    )


def _find_unchanged(sql: Sql, space: Space, planned: Sequence[Planned]) -> list[Entry]:
    """Return those of *planned* that are as they were seen, where they were seen."""
    rows = tree.find_rows(sql, space.id, [each.node for each in planned], None)
    there = [(each, rows[each.node]) for each in planned if each.node in rows]
    lines = Lineage(sql, space, None).find([row for _, row in there])
    return [
        dataclasses.replace(row, path=each.path)
        for (each, row), names in zip(there, lines, strict=True)
        if row.from_seq == each.from_seq and names is not None and rules.join_path(names) == each.path
    ]


def _drifted() -> PlanDrifted:
    return PlanDrifted(
        N_("What is selected is not what the plan said; nothing was done."), fix=N_("Make a new plan and look at it.")
    )
