"""Bringing a file or folder back to what it was at a moment."""

import dataclasses
from collections.abc import Iterator

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import FolderReturned
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NothingToUndo
from cloudconnect.features.files.models import Entry
from cloudconnect.features.files.moments import Reverted, Seqs, UndoToken
from cloudconnect.features.files.service import deeds, reverting
from cloudconnect.features.files.service.barring import Barring, release_steps
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.history import check_hindrances
from cloudconnect.features.files.service.obstacles import Examiner
from cloudconnect.features.files.service.places import Place, walk
from cloudconnect.features.files.service.plans import Plan, Step, load_parents
from cloudconnect.features.files.service.retagging import find_differences
from cloudconnect.features.files.store import history
from cloudconnect.features.files.store.history import PastRow
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import NodeId, new_id
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql


class ReturningService:
    """Gives back the past of a path: in its place, or beside it as a copy."""

    def __init__(self, log: EventLog, database: Database, clock: Clock, guide: Guide) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide

    async def give_back(
        self,
        principal: Principal,
        space: str,
        path: str,
        at: str,
        *,
        keep_new: bool = False,
        skip: bool = False,
        is_dry_run: bool = False,
    ) -> Reverted:
        """Make what is at *path* what it was at the moment *at*, with all below it, in one step.

        What was there keeps its identity: it comes back from the trash or from where it was moved within the folder,
        and gets its content and tags of then. What is elsewhere by now stays there, and a copy of it comes. What is
        there now and was not then goes to the trash, unless *keep_new*.

        Raises:
            NoSuchEntry: nothing was there at that moment.
            NoParent: the folder that it was in does not exist.
            NothingToUndo: all is as it was.
            CannotUndo: something stands in the way, and *skip* is false.
            QuotaExceeded: the space may not hold as much.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def plan(sql: Sql) -> tuple[Plan, Place]:
            seen = self._guide.seen(sql, principal, space_id, names, at)
            seen.require_entry()
            place = self._guide.place(sql, principal, space_id, names, Action.WRITE)
            if names:
                place.require_parent(may_be_made=False)
            returned = _Return(sql, seen, place, to_ms(self._clock.now()))
            planned = returned.plan(keep_new=keep_new)
            barring = Barring(sql, planned.space, principal, to_ms(self._clock.now()))
            Examiner(sql, planned).examine(barring)
            returned.add_tags(planned)
            barring.bar_words(planned)
            if not planned.steps and not planned.tag_steps and not planned.hindrances:
                raise NothingToUndo(N_("“{path}” is as it was."), path=place.path)
            return planned, seen

        if is_dry_run:
            return await self._database.read(lambda sql: reverting.summarise(sql, plan(sql)[0]))

        def change(unit: Unit) -> Reverted:
            planned, seen = plan(unit.sql)
            check_hindrances(unit.sql, planned, skip=skip)
            summary = reverting.summarise(unit.sql, planned)
            release_steps(unit, planned)
            reverting.trash_steps(unit, planned)
            as_of = planned.space.seq if seen.at is None else seen.at
            recorded = unit.record(FolderReturned(subject=seen.require_entry().node, space=space_id, as_of=as_of))
            reverting.place_steps(unit, planned, deeds.seq_of(recorded))
            reverting.tag_steps(unit, planned)
            return dataclasses.replace(summary, undo=UndoToken(space_id, Seqs([unit.spans[space_id]])))

        return await self._log.commit(change, actor=principal)


class _Return:
    """What makes the tree at a place what it was; lives as long as its transaction."""

    def __init__(self, sql: Sql, seen: Place, place: Place, now_ms: int) -> None:
        self._sql = sql
        self._space = place.space
        self._place = place
        self._at = place.space.seq if seen.at is None else min(seen.at, place.space.seq)
        self._now_ms = now_ms
        self._top = seen.require_entry()
        self._wanted = {
            entry.node: entry for entry in (self._top, *(walk(sql, self._top, seen.at) if self._top.is_folder else ()))
        }
        self._pasts = history.find_pasts(sql, self._space.id, sorted(self._wanted), self._at)
        self._copies: dict[NodeId, NodeId] = {}

    def plan(self, *, keep_new: bool) -> Plan:
        """Return the steps: what was there takes its place again, and what was not goes."""
        plan = Plan(self._space, Seqs([(1, self._space.seq)]), {}, {}, {})
        own = self._find_own()
        for node, entry in self._wanted.items():
            if entry.parent is not None:
                self._add(plan, entry, is_own=node in own)
        if not keep_new:
            for extra in self._find_extras(own):
                plan.touched[extra.node] = extra
                plan.steps[extra.node] = Step(extra.node, extra, None, extra, self._space.seq, 0)
        return plan

    def add_tags(self, plan: Plan) -> None:
        """Add to *plan*, which was examined, what gives everything the tags of then; what is hindered keeps its own."""
        targets = {node: self._copies.get(node, node) for node in self._wanted}
        targets = {node: target for node, target in targets.items() if target not in plan.hindrances}
        for step in find_differences(self._sql, targets, self._at):
            plan.tag_steps.setdefault(step.node, []).append(step)

    def _add(self, plan: Plan, entry: Entry, *, is_own: bool) -> None:
        last = self._pasts[entry.node].rows[-1]
        then = self._then(entry)
        if is_own:
            now = last if last.to_seq is None else None
            plan.touched[entry.node] = last
            if now is None or now.state != then.state:
                plan.steps[entry.node] = Step(entry.node, now, then, last, self._at + 1, 0)
            return
        node = self._copies[entry.node] = NodeId(new_id("nod", self._now_ms))
        copy = dataclasses.replace(then, node=node)
        plan.touched[node] = last
        plan.steps[node] = Step(node, None, copy, copy, self._at + 1, 0, then)

    def _then(self, entry: Entry) -> PastRow:
        """Return the row of then, in the folder of then or the copy of it."""
        row = next(row for row in self._pasts[entry.node].rows if row.from_seq == entry.from_seq)
        if entry.node == self._top.node:
            return dataclasses.replace(row, parent=self._place.line[len(self._place.names) - 1].node)
        parent = NodeId(entry.parent or "")
        return dataclasses.replace(row, parent=self._copies.get(parent, parent))

    def _find_own(self) -> set[NodeId]:
        """Return what was there and can come itself: it is at the place, or in the trash; all else is copied."""
        absent = {node for node, past in self._pasts.items() if past.rows[-1].to_seq is not None}
        parents: dict[NodeId, NodeId | None] = {}
        load_parents(self._sql, self._space, self._pasts.keys() - absent, parents)
        there = self._place.entry
        is_elsewhere = {self._space.root: True}
        if there is not None:
            is_elsewhere[there.node] = False
        for node in self._pasts.keys() - absent:
            way: list[NodeId] = []
            above: NodeId | None = node
            while above is not None and above not in is_elsewhere:
                way.append(above)
                above = parents.get(above)
            # What hangs on nothing lies in the trash, with a folder.
            is_elsewhere.update(dict.fromkeys(way, above is not None and is_elsewhere[above]))
        here = {node for node in self._pasts.keys() - absent if not is_elsewhere[node]}
        return here | history.find_in_trash(self._sql, sorted(absent))

    def _find_extras(self, own: set[NodeId]) -> Iterator[PastRow]:
        """Yield what is in the folders of then and was not, and what has taken the place of the top one."""
        there = self._place.entry
        if there is not None and there.node not in self._wanted:
            yield history.find_pasts(self._sql, self._space.id, [there.node], self._space.seq)[there.node].rows[-1]
        folders = sorted(node for node in own if self._wanted[node].is_folder)
        for row in history.find_below(self._sql, folders):
            if row.node not in self._wanted:
                yield row
