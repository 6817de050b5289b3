"""Starting operations, watching and steering them, and going on with them after a restart."""

import asyncio
import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.operations import OperationEnded, OperationStarted
from cloudconnect.features.operations import rules, store
from cloudconnect.features.operations.errors import AlreadyUnderWay, NoSuchOperation, UnknownKind, WrongState
from cloudconnect.features.operations.models import Operation, OperationId, State
from cloudconnect.features.operations.service.running import Run
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal, Scope
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access
from cloudconnect.ports.operations import Interrupted, Kind
from cloudconnect.ports.sql import Sql

log = structlog.get_logger()

_WRITE_SECONDS = 2.0
_AT_ONCE = 8
_OWN_AT_ONCE = 4
_KEPT = timedelta(days=90)
_LAST_ID = "~"


class OperationsService:
    """Runs operations, each in a thread, and keeps how far they are."""

    def __init__(
        self, event_log: EventLog, database: Database, clock: Clock, access: Access, registry: CollectorRegistry
    ) -> None:
        self._log = event_log
        self._database = database
        self._clock = clock
        self._access = access
        self._kinds: dict[str, Kind] = {}
        self._runs: dict[OperationId, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="operation")
        # What people start never keeps waiting what the appliance needs.
        self._own_pool = ThreadPoolExecutor(_OWN_AT_ONCE, thread_name_prefix="own-operation")
        self._done = Gauge(
            "cloudconnect_operation_done", "Units done by a running operation", ["kind"], registry=registry
        )
        self._total = Gauge(
            "cloudconnect_operation_total", "Units in all of a running operation", ["kind"], registry=registry
        )
        self._ended = Counter(
            "cloudconnect_operations_ended", "Operations that ended", ["kind", "state"], registry=registry
        )

    def add_kind(self, kind: Kind) -> None:
        """Declare a kind, before the start."""
        self._kinds[kind.name] = kind

    def forget_words(self, sql: Sql, space: str) -> None:
        """Forget the texts of operations on *space* that have ended, in the transaction of *sql*."""
        store.forget_words(sql, space)

    def kinds(self) -> list[Kind]:
        """Return the kinds that can be started, by name."""
        return [self._kinds[name] for name in sorted(self._kinds) if not self._kinds[name].is_personal]

    async def start_interrupted(self) -> None:
        """Go on with what was at work when the appliance stopped."""
        for operation in await self._database.read(
            lambda sql: store.find_in_states(sql, [State.WAITING, State.RUNNING])
        ):
            self._launch(operation)

    async def stop(self) -> None:
        """Interrupt what is at work and wait for it; it goes on after the next start."""
        for run in self._runs.values():
            run.interrupt(None)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self._own_pool.shutdown)

    async def start(self, principal: Principal, kind: str, parameters: Mapping[str, str]) -> str:
        """Start an operation of *kind* and return its id.

        Raises:
            Denied: only administrators may.
            UnknownKind: there is no such kind.
            AlreadyUnderWay: one of this kind has not ended.
        """
        self._access.require_admin(principal)
        found = self._kind(kind)
        self._access.require_admin(principal, fresh=found.needs_proof)
        if found.is_personal:
            raise UnknownKind(
                N_("“{kind}” starts where it is asked for, not here."),
                fix=N_("See which there are, with: cloudconnect operations kinds"),
                kind=kind,
            )
        return (await self._start(principal, kind, parameters)).id

    async def start_own(self, principal: Principal, kind: str, parameters: Mapping[str, str]) -> str:
        """Start an operation of a personal *kind* for *principal*, and return its id.

        Raises:
            AlreadyUnderWay: one of this kind that *principal* started has not ended.
        """
        return (await self._start(principal, kind, parameters)).id

    async def start_due(self, kind: str, parameters: Mapping[str, str] | None = None) -> None:
        """Start an operation by the clock, unless one of its kind is under way."""
        try:
            await self._start(APPLIANCE, kind, parameters or {})
        except AlreadyUnderWay:
            log.info("operations.still_under_way", kind=kind)

    async def get_operation(self, principal: Principal, operation: str) -> Operation:
        """Return an operation as it stands this moment.

        Raises:
            NoSuchOperation: there is none.
        """
        return await self._own(principal, operation, Scope.FILES_READ)

    async def find_operations(self, principal: Principal, limit: int, cursor: str | None) -> Page[Operation]:
        """Return a page of operations, newest first: all to administrators, and to others what they started."""
        author: str | None = principal.id
        if principal.is_admin or Scope.FILES_READ not in principal.scopes:
            self._access.require_admin(principal)
            author = None
        before = str(decode_cursor(cursor, str)[0]) if cursor else _LAST_ID
        found = await self._database.read(lambda sql: store.find_before(sql, before, limit + 1, author))
        following = encode_cursor(found[limit - 1].id) if len(found) > limit else None
        return Page([self._live(operation) for operation in found[:limit]], following)

    async def pause(self, principal: Principal, operation: str) -> Operation:
        """Interrupt an operation until it is resumed; it may take a moment to notice."""
        return await self._interrupt(principal, operation, State.PAUSED)

    async def cancel(self, principal: Principal, operation: str) -> Operation:
        """End an operation; what it has done stays done."""
        return await self._interrupt(principal, operation, State.CANCELLED)

    async def resume(self, principal: Principal, operation: str) -> Operation:
        """Go on with an operation that is paused, or failed, from where it stood.

        Raises:
            WrongState: it is neither.
        """
        found = await self._own(principal, operation, Scope.FILES_WRITE)
        if found.state not in rules.RESUMABLE_STATES or found.id in self._runs:
            raise _wrong_state(found)
        self._kind(found.kind)
        await self._log.commit(
            lambda unit: store.set_state(unit.sql, found.id, State.WAITING, unit.now_ms, is_over=False),
            actor=principal,
        )
        self._launch(dataclasses.replace(found, state=State.WAITING))
        return await self._get(found.id)

    async def remove_old(self) -> None:
        """Forget operations that ended long ago; a job calls this once a day."""
        before_ms = to_ms(self._clock.now() - _KEPT)
        await self._log.commit(lambda unit: store.remove_finished(unit.sql, before_ms), actor=APPLIANCE)

    async def _start(self, actor: Principal, kind: str, parameters: Mapping[str, str]) -> Operation:
        found = self._kind(kind)
        if found.check is not None:
            await asyncio.to_thread(found.check, parameters)
        is_personal = found.is_personal

        def change(unit: Unit) -> Operation:
            for other in store.find_in_states(unit.sql, rules.OPEN_STATES):
                if other.kind != kind or (is_personal and other.author != actor.id):
                    continue
                raise AlreadyUnderWay(
                    N_("An operation “{kind}” has not ended yet."),
                    fix=N_("Wait for it, or cancel it: cloudconnect operations list"),
                    kind=kind,
                )
            operation = OperationId(new_id("opn", unit.now_ms))
            store.add(unit.sql, operation, kind, parameters, actor.id, unit.now_ms)
            unit.record(OperationStarted(subject=operation, operation=kind))
            added = store.find(unit.sql, operation)
            if added is None:
                raise LookupError("the operation that was just added")
            return added

        operation = await self._log.commit(change, actor=actor)
        self._launch(operation)
        return operation

    def _launch(self, operation: Operation) -> None:
        run = self._runs[operation.id] = Run(operation)
        task = asyncio.get_running_loop().create_task(self._work(run, operation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, run: Run, operation: Operation) -> None:
        kind = self._kinds.get(operation.kind)
        error = ""
        state: State | None
        try:
            if kind is None:
                raise UnknownKind  # noqa: TRY301 - it ends as any other failure of the run does
            await self._log.commit(lambda unit: store.begin(unit.sql, run.id, unit.now_ms), actor=APPLIANCE)
            pool = self._own_pool if kind.is_personal else self._pool
            working = asyncio.get_running_loop().run_in_executor(pool, kind.run, operation.parameters, run)
            while not (await asyncio.wait([working], timeout=_WRITE_SECONDS))[0]:
                await self._write_standing(run)
            run.tell(working.result())
            state = State.DONE
        except Interrupted:
            state = run.end_as
        except Exception as failure:
            state, error = State.FAILED, _say(failure)
            if not isinstance(failure, CloudConnectError):
                log.exception("operations.failed", operation=run.id, kind=run.kind)
        try:
            await self._end(run, state, error)
        finally:
            del self._runs[run.id]

    async def _write_standing(self, run: Run) -> None:
        standing = run.standing()
        self._done.labels(run.kind).set(standing.done)
        self._total.labels(run.kind).set(standing.total)
        await self._log.commit(
            lambda unit: store.write_standing(unit.sql, run.id, standing, unit.now_ms), actor=APPLIANCE
        )

    async def _end(self, run: Run, state: State | None, error: str) -> None:
        standing, outcome = run.standing(), run.outcome
        is_over = state is not None and state not in rules.OPEN_STATES

        def change(unit: Unit) -> None:
            store.write_standing(unit.sql, run.id, standing, unit.now_ms)
            if state is None:
                return
            store.set_state(unit.sql, run.id, state, unit.now_ms, is_over=is_over, error=error)
            store.write_result(unit.sql, run.id, outcome)
            if state is State.CANCELLED:
                self._forget(unit.sql, run.kind, run.parameters)
            if is_over:
                unit.record(OperationEnded(subject=run.id, operation=run.kind, state=state))

        await self._log.commit(change, actor=APPLIANCE)
        if state is not None and is_over:
            self._ended.labels(run.kind, state).inc()

    async def _interrupt(self, principal: Principal, operation: str, state: State) -> Operation:
        found = await self._own(principal, operation, Scope.FILES_WRITE)
        run = self._runs.get(found.id)
        if found.state not in rules.OPEN_STATES or (run is None and found.state is state):
            raise _wrong_state(found)
        if run is not None:
            run.interrupt(state)
            return found

        await self._log.commit(lambda unit: self._end_idle(unit, found, state), actor=principal)
        return await self._get(found.id)

    def cancel_started_with(self, unit: Unit, credential: str) -> None:
        """Cancel what was started with the session or token *credential* and has not ended."""
        for found in store.find_in_states(unit.sql, rules.OPEN_STATES):
            if found.parameters.get("credential") != credential:
                continue
            run = self._runs.get(found.id)
            if run is None:
                self._end_idle(unit, found, State.CANCELLED)
            else:
                run.interrupt(State.CANCELLED)

    def _end_idle(self, unit: Unit, operation: Operation, state: State) -> None:
        """End an operation that nothing works on."""
        store.set_state(unit.sql, operation.id, state, unit.now_ms, is_over=True)
        unit.record(OperationEnded(subject=operation.id, operation=operation.kind, state=state))
        if state is State.CANCELLED:
            self._forget(unit.sql, operation.kind, operation.parameters)

    def _forget(self, sql: Sql, kind: str, parameters: Mapping[str, str]) -> None:
        forget = self._kinds[kind].forget if kind in self._kinds else None
        if forget is not None:
            forget(sql, parameters)

    async def _own(self, principal: Principal, operation: str, scope: Scope) -> Operation:
        """Return an operation that *principal* may look after: any if an administrator, else one's own with *scope*.

        Raises:
            Denied: it is not his, or not there.
            NoSuchOperation: there is none.
        """
        found = await self._database.read(lambda sql: store.find(sql, OperationId(operation)))
        kind = None if found is None else self._kinds.get(found.kind)
        is_own = found is not None and kind is not None and kind.is_personal and found.author == principal.id
        if not is_own or scope not in principal.scopes:
            self._access.require_admin(principal)
        return await self._get(OperationId(operation))

    async def _get(self, operation: OperationId) -> Operation:
        found = await self._database.read(lambda sql: store.find(sql, operation))
        if found is None:
            raise NoSuchOperation(fix=N_("See which there are, with: cloudconnect operations list"))
        return self._live(found)

    def _live(self, operation: Operation) -> Operation:
        kind = self._kinds.get(operation.kind)
        if kind is not None:
            operation = dataclasses.replace(operation, title=kind.title, unit=kind.unit)
        run = self._runs.get(operation.id)
        if run is None:
            return operation
        standing = run.standing()
        return dataclasses.replace(
            operation,
            done=standing.done,
            total=standing.total,
            note=standing.note,
            worked_seconds=standing.worked_ms / 1000,
            remaining_seconds=run.remaining_seconds(),
        )

    def _kind(self, name: str) -> Kind:
        try:
            return self._kinds[name]
        except KeyError:
            raise UnknownKind(
                N_("There is no operation “{kind}”."),
                fix=N_("Choose one of: {kinds}."),
                kind=name,
                kinds=", ".join(sorted(self._kinds)),
            ) from None


def _wrong_state(operation: Operation) -> WrongState:
    return WrongState(N_("The operation is {state}."), state=operation.state)


def _say(failure: Exception) -> str:
    """Return what was wrong, and for a refusal the way out."""
    way_out = failure.fix if isinstance(failure, CloudConnectError) else None
    return f"{failure} {way_out}" if way_out else str(failure) or repr(failure)
