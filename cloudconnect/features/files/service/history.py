"""Taking back what was done: the last changes of one's own, a change by its token, or all that a session did."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import groupby, islice
from operator import attrgetter

import msgspec

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import ChangeUndone
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import BadUndoToken, CannotUndo, NothingToUndo, Unbounded, UndoExpired
from cloudconnect.features.files.models import Space
from cloudconnect.features.files.moments import Deeds, Obstacle, Reverted, Seqs, Undoable, UndoToken
from cloudconnect.features.files.service import deeds, resetting, reverting
from cloudconnect.features.files.service.barring import Barring, release_steps
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.obstacles import Examiner
from cloudconnect.features.files.service.places import find_path
from cloudconnect.features.files.service.plans import Plan, plan_reversal
from cloudconnect.features.files.store import history, settings, spaces, tags
from cloudconnect.features.files.store.history import Made
from cloudconnect.kernel.clock import Clock, from_ms, to_ms
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql

_FACTS_AT_ONCE = 1_000
_COUNTER_BITS = 16

_REASONS = {
    Obstacle.CHANGED: N_("“{path}” was changed later."),
    Obstacle.NAME_TAKEN: N_("Something else has the name of “{path}” by now."),
    Obstacle.FOLDER_GONE: N_("The folder that “{path}” was in is gone."),
    Obstacle.INTO_ITSELF: N_("“{path}” would lie below itself."),
    Obstacle.HOLDS_NEWER: N_("“{path}” holds something that came later."),
    Obstacle.PURGED: N_("The trash no longer holds “{path}”."),
    Obstacle.VERSION_GONE: N_("The earlier content of “{path}” is no longer kept."),
    Obstacle.SET_LATER: N_("What is set for “{path}” was set to something else later."),
    Obstacle.NOT_ALLOWED: N_("Who may write here may not change what is set for the space."),
    Obstacle.LOCKED: N_("Somebody else has locked “{path}”, or what is in it."),
}

FindSeqs = Callable[[Sql, Space], Seqs]


class HistoryService:
    """Puts back what changes have altered, each node to the state it had before them, all in one unit.

    Nothing is forced: a node that somebody changed since is named, and keeps what it is. Putting back is a change like
    any other and can be undone itself. It needs the right to write to everything that it touches.
    """

    def __init__(self, log: EventLog, database: Database, clock: Clock, guide: Guide, keep: timedelta) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide
        self._keep = keep

    async def undo(
        self,
        principal: Principal,
        space: str,
        *,
        token: str | None = None,
        last: int = 1,
        skip: bool = False,
        is_dry_run: bool = False,
    ) -> Reverted:
        """Take back the change that *token* names, or else the *last* ones that *principal* made in the space.

        With *skip*, what stands in the way stays as it is and the rest is put back; without, all or nothing.

        Raises:
            BadUndoToken: *token* names no change of this space.
            UndoExpired: it is older than changes can be undone.
            NothingToUndo: nothing in the tree would change.
            CannotUndo: something stands in the way.
            QuotaExceeded: the space may not hold as much.
        """
        space_id = await self._guide.space_id(principal, space)
        named = None if token is None else rules.parse_undo_token(token)
        if named is not None and named.space != space_id:
            raise BadUndoToken(N_("This change was made in another space."), fix=N_("Name that space."))

        def find_seqs(sql: Sql, found: Space) -> Seqs:
            if named is not None:
                self._check_age(sql, named)
                return named.seqs
            own = islice(self._find_own(sql, found, principal), last)
            return Seqs((each[-1].seq, each[0].seq) for each in own)

        return await self._revert(principal, space_id, find_seqs, skip=skip, is_dry_run=is_dry_run)

    async def rollback(
        self, principal: Principal, space: str, done: Deeds, *, skip: bool = False, is_dry_run: bool = False
    ) -> Reverted:
        """Take back everything that *done* describes, of each file and folder as much of its end as belongs to it.

        Raises:
            Unbounded: neither sessions, nor a user, nor a beginning is given.
            NoSuchEntry: nothing is at the path that is named.
            BadMoment: as for reading the past.
            NothingToUndo, CannotUndo, QuotaExceeded: as for ``undo``.
        """
        space_id = await self._guide.space_id(principal, space)

        def find_seqs(sql: Sql, found: Space) -> Seqs:
            if not done.credentials and done.actor is None and done.since is None:
                raise Unbounded(N_("Whose changes, or since when?"), fix=N_("Name sessions, a user or a moment."))
            since = self._guide.seq(sql, space_id, done.since) or 0
            until = self._guide.seq(sql, space_id, done.until)
            last = found.seq if until is None else min(until, found.seq)
            return Seqs(
                (seq, seq)
                for seq in history.find_seqs_by(sql, space_id, since + 1, last, sorted(done.credentials), done.actor)
            )

        names = rules.parse_path(done.path)
        return await self._revert(
            principal, space_id, find_seqs, names=names, skip=skip, is_dry_run=is_dry_run, is_rollback=True
        )

    async def find_undoable(self, principal: Principal, space: str, limit: int) -> list[Undoable]:
        """Return the last changes that *principal* made in the space and that have not been undone, latest first."""
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> list[Undoable]:
            found = self._guide.place(sql, principal, space_id, (), Action.READ).space
            return [_undoable(sql, found, made) for made in islice(self._find_own(sql, found, principal), limit)]

        return await self._database.read(ask)

    async def _revert(
        self,
        principal: Principal,
        space_id: SpaceId,
        find_seqs: FindSeqs,
        *,
        names: tuple[str, ...] = (),
        skip: bool,
        is_dry_run: bool,
        is_rollback: bool = False,
    ) -> Reverted:
        # Looking for them may take a while, for which the one writer need not wait; all else is decided in the unit.
        seqs = await self._database.read(lambda sql: self._find_seqs(sql, principal, space_id, find_seqs))

        def plan(sql: Sql) -> Plan:
            planned = self._plan(sql, principal, space_id, names, seqs)
            examiner = Examiner(sql, planned)
            examiner.require(self._guide, principal)
            if planned.touched and not resetting.revives(planned.setting_steps.get(planned.space.root, ())):
                rules.check_not_archived(planned.space)
            examiner.examine(Barring(sql, planned.space, principal, to_ms(self._clock.now())))
            return planned

        if is_dry_run:
            return await self._database.read(lambda sql: reverting.summarise(sql, plan(sql)))

        def change(unit: Unit) -> Reverted:
            planned = plan(unit.sql)
            check_hindrances(unit.sql, planned, skip=skip)
            summary = reverting.summarise(unit.sql, planned)
            release_steps(unit, planned)
            reverting.trash_steps(unit, planned)
            recorded = [
                unit.record(
                    ChangeUndone(
                        subject=planned.space.root,
                        space=space_id,
                        from_seq=first,
                        to_seq=last,
                        is_rollback=is_rollback,
                    )
                )
                for first, last in planned.seqs
            ]
            reverting.place_steps(unit, planned, deeds.seq_of(recorded[0]))
            reverting.tag_steps(unit, planned)
            reverting.setting_steps(unit, planned)
            return dataclasses.replace(summary, undo=UndoToken(space_id, Seqs([unit.spans[space_id]])))

        return await self._log.commit(change, actor=principal)

    def _find_seqs(self, sql: Sql, principal: Principal, space_id: SpaceId, find_seqs: FindSeqs) -> Seqs:
        """Return what *find_seqs* finds; whoever may not write to the space is told no more than that."""
        space = self._space(sql, principal, space_id)
        try:
            return find_seqs(sql, space)
        except CloudConnectError:
            self._guide.place(sql, principal, space_id, (), Action.WRITE)
            raise

    def _plan(self, sql: Sql, principal: Principal, space_id: SpaceId, names: tuple[str, ...], seqs: Seqs) -> Plan:
        """Return what takes *seqs* back at the path of *names*.

        Raises:
            NothingToUndo: nothing would change.
        """
        space = self._space(sql, principal, space_id)
        within = None
        if names:
            within = self._guide.place(sql, principal, space_id, names, Action.WRITE).require_entry().node
        planned = plan_reversal(sql, space, seqs, within)
        # Taking back an undo that had nothing to put back makes its changes count again.
        has_undone = planned.seqs and history.holds_kind(sql, space.id, planned.seqs, ChangeUndone.kind)
        if planned.is_void and not planned.hindrances and not has_undone:
            self._guide.place(sql, principal, space_id, (), Action.WRITE)
            raise NothingToUndo(fix=N_("See what can be undone, with: cloudconnect undo --list"))
        return planned

    def _space(self, sql: Sql, principal: Principal, space_id: SpaceId) -> Space:
        found = spaces.find_space(sql, space_id)
        return self._guide.place(sql, principal, space_id, (), Action.WRITE).space if found is None else found

    def _check_age(self, sql: Sql, token: UndoToken) -> None:
        hlc = history.find_time(sql, token.space, token.seqs.first)
        if hlc is None:
            raise NothingToUndo(fix=N_("See what can be undone, with: cloudconnect undo --list"))
        if from_ms(hlc >> _COUNTER_BITS) < self._clock.now() - self._keep:
            raise UndoExpired(
                N_("Changes can be undone for {days} days."),
                fix=N_("Restore what you need from the past, with: cloudconnect restore PATH --at TIME"),
                days=self._keep.days,
            )

    def _find_own(self, sql: Sql, space: Space, principal: Principal) -> Iterator[list[Made]]:
        """Yield the facts of each change of *principal* that is not undone, the latest first, as far as any can be."""
        undone = Seqs(())
        for _, group in groupby(self._find_made(sql, space, principal), key=attrgetter("unit")):
            made = list(group)
            if made[-1].seq in undone:
                continue
            taken_back = [_undone(fact) for fact in made if fact.kind == ChangeUndone.kind]
            if taken_back:
                undone = Seqs([*undone, *((each.from_seq, each.to_seq) for each in taken_back)])
            is_own = made[0].actor == principal.id and all(each.is_rollback for each in taken_back)
            if is_own and _touches(sql, space.id, made[-1].seq, made[0].seq):
                yield made

    def _find_made(self, sql: Sql, space: Space, principal: Principal) -> Iterator[Made]:
        """Yield the facts of *principal*, and what was undone, the latest first, as far as any can be undone."""
        horizon = self._clock.now() - self._keep
        last = space.seq
        while True:
            # The first fact of a space makes it and its root, which stay.
            page = history.find_made(sql, space.id, (2, last), (principal.id, ChangeUndone.kind), _FACTS_AT_ONCE)
            for fact in page:
                if from_ms(fact.hlc >> _COUNTER_BITS) < horizon:
                    return
                yield fact
            if len(page) < _FACTS_AT_ONCE:
                return
            last = page[-1].seq - 1


def check_hindrances(sql: Sql, plan: Plan, *, skip: bool) -> None:
    """Return if *plan* can be carried out: wholly, or with *skip* in part.

    Raises:
        CannotUndo: something stands in the way, of all of it or without *skip*.
    """
    if not plan.hindrances or (skip and not plan.is_empty):
        return
    hindrance = reverting.summarise(sql, plan).hindrances[0]
    raise CannotUndo(
        _REASONS[hindrance.obstacle],
        fix=N_("Nothing was done. See all {count} conflicts with --dry-run; put back the rest with --skip-conflicts."),
        path=hindrance.path,
        count=len(plan.hindrances),
    )


def _touches(sql: Sql, space: SpaceId, first: int, last: int) -> bool:
    """Tell whether the tree, or what is said about it, changed from *first* to *last*."""
    return any(table.touches(sql, space, first, last) for table in (history, tags, settings))


def _undone(fact: Made) -> ChangeUndone:
    return msgspec.json.decode(fact.payload, type=ChangeUndone)


def _undoable(sql: Sql, space: Space, made: list[Made]) -> Undoable:
    first, last = made[-1], made[0]
    node = NodeId(first.subject)
    path = find_path(sql, space, node, last.seq) or find_path(sql, space, node, first.seq - 1) or ""
    token = UndoToken(space.id, Seqs([(first.seq, last.seq)]))
    kind = next((fact.kind for fact in made if fact.kind == ChangeUndone.kind), first.kind)
    return Undoable(token, from_ms(first.hlc >> _COUNTER_BITS), kind, path, len(made))
