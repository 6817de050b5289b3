"""The event log: the one ordered list of facts, and the door through which every change goes."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Generic, TypeVar

from cloudconnect.bus import forgetting, store
from cloudconnect.bus.ledger import LogLedger, Reached, latest_hlc
from cloudconnect.bus.unit import Recorded, StoredFact, Unit
from cloudconnect.bus.wake import Wake
from cloudconnect.database import Database
from cloudconnect.database.connection import Connection
from cloudconnect.database.rewriting import write_anew
from cloudconnect.database.writer import Job, Writer
from cloudconnect.events import Fact, SpaceFact
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.ports.answer import Answer
from cloudconnect.ports.sql import Sql

Result = TypeVar("Result")
Awaited = TypeVar("Awaited")


class _Change(Generic[Result]):
    """A change on its way through the writer, and the future of the one who asked for it."""

    def __init__(
        self,
        change: Callable[[Unit], Result],
        actor: Principal,
        ledger: LogLedger,
        future: "asyncio.Future[Result] | Future[Result]",
    ) -> None:
        self._change = change
        self._actor = actor
        self._ledger = ledger
        self._future = future
        self._result: Result

    def run(self, connection: Connection) -> None:
        """Run the change in a transaction that is open."""
        now = self._ledger.now
        spans: dict[SpaceId, tuple[int, int]] = {}

        def record(fact: Fact) -> Recorded:
            recorded = self._ledger.record(connection, fact, self._actor)
            if recorded.seq is not None and isinstance(fact, SpaceFact):
                first, _ = spans.get(fact.space, (recorded.seq, recorded.seq))
                spans[fact.space] = (first, recorded.seq)
            return recorded

        self._result = self._change(Unit(connection, now, to_ms(now), self._actor, record, spans))

    def answer(self, error: BaseException | None) -> None:
        """Tell the one who asked; he may have stopped waiting, which changes nothing about what was committed."""
        future = self._future
        # A refusal holds the frames it came through, and they hold this change: without the future that is no circle.
        del self._future
        if future.done():
            return
        if error is None:
            future.set_result(self._result)
        else:
            future.set_exception(error)


class EventLog:
    """Commits units of work in groups and keeps their facts in one order."""

    def __init__(self, database: Database, clock: Clock, *, region: str = "local") -> None:
        self._database = database
        self._ledger = LogLedger(clock, region, self._answer_later)
        self._writer: Writer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._on_fatal: Callable[[], None] = lambda: None
        self._on_full: Callable[[], bool] = lambda: False
        self._wake = Wake()

    @property
    def position(self) -> int:
        """The position of the last fact that is committed."""
        return self._wake.position

    def on_fatal(self, call: Callable[[], None]) -> None:
        """Have *call* made, on the writer's thread, when it is unknown what is durable and the process must end."""
        self._on_fatal = call

    def on_full(self, call: Callable[[], bool]) -> None:
        """Have *call* made, on the writer's thread, when the disk is full; it returns whether it has made room."""
        self._on_full = call

    def start(self) -> None:
        """Start the writer; must be called on the event loop that will await commits."""
        self._loop = asyncio.get_running_loop()
        self._wake.begin(self._database.read_now(store.find_last_position))
        self._writer = self._database.open_writer(self._ledger, self._fail, self._on_full)
        self._writer.start()

    async def stop(self) -> None:
        """Finish what is queued and end the writer."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.stop)
            self._writer = None

    async def commit(self, change: Callable[[Unit], Result], *, actor: Principal) -> Result:
        """Run *change* in a transaction, and return what it returned once that is durable.

        What *change* raises is raised here, and nothing of it stays. It may run more than once, so it touches nothing
        but the unit. A caller that is cancelled does not take the change back.

        Raises:
            NoSpace: the disk of the database is full.
            Unavailable: the database does not answer.
        """
        if self._writer is None or self._loop is None:
            raise RuntimeError("the log has not been started")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._writer.submit(_Change(change, actor, self._ledger, future))
        try:
            return await future
        finally:
            del future  # a refusal holds this frame

    async def commit_after(
        self, awaited: Answer[Awaited], change: Callable[[Unit, Awaited], Result], *, actor: Principal
    ) -> Result:
        """Do what :meth:`commit` does with *change* once *awaited* has answered, handing it the answer.

        Whoever answers queues the change, which spares a way over the event loop. If *awaited* refuses, or the caller
        is cancelled before it answers, nothing is changed.

        Raises:
            Exception: whatever *awaited* raises, and what :meth:`commit` does.
        """
        writer, loop = self._writer, self._loop
        if writer is None or loop is None:
            raise RuntimeError("the log has not been started")
        future: asyncio.Future[Result] = loop.create_future()

        waiting = [future]

        def go_on(done: Answer[Awaited]) -> None:
            answer = waiting.pop()  # what was awaited keeps this function for as long as it lives
            error = done.exception()
            if error is None and not answer.cancelled():
                writer.submit(_Change(lambda unit: change(unit, done.result()), actor, self._ledger, answer))
            elif error is not None and not loop.is_closed():
                loop.call_soon_threadsafe(_refuse, answer, error)

        awaited.add_done_callback(go_on)
        try:
            return await future
        finally:
            del future  # a refusal holds this frame

    def commit_now(self, change: Callable[[Unit], Result], *, actor: Principal) -> Result:
        """Do what :meth:`commit` does, from a thread other than the event loop's, which waits for it."""
        if self._writer is None:
            raise RuntimeError("the log has not been started")
        future: Future[Result] = Future()
        self._writer.submit(_Change(change, actor, self._ledger, future))
        try:
            return future.result()
        finally:
            del future  # a refusal holds this frame

    def write_anew_now(self) -> None:
        """Write the database anew, so that nothing deleted is left in its files; changes wait meanwhile.

        Raises:
            DatabaseInUse: somebody reads for too long; it can be repeated.
            NoSpace: the disk has no room for a copy.
        """
        if self._writer is None:
            raise RuntimeError("the log has not been started")
        done = self._writer.set_aside(write_anew)
        self.commit_now(lambda _: None, actor=APPLIANCE)
        done.result()

    def find_actors(self, sql: Sql, space: SpaceId) -> list[str]:
        """Return the ids of all who did anything in *space*."""
        return forgetting.find_actors(sql, space)

    def forget_words(self, sql: Sql, space: SpaceId, after: int, limit: int) -> int:
        """Empty the texts of up to *limit* facts of *space* behind its seq *after*; that they happened stays.

        Return the last seq, 0 at the end.
        """
        return forgetting.forget_words(sql, space, after, limit)

    def wait_for(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run *work* on the event loop, from a thread other than the loop's, and return what it returned."""
        if self._loop is None:
            raise RuntimeError("the log has not been started")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def wait_beyond(self, position: int) -> int:
        """Return the log's position once it is greater than *position*."""
        return await self._wake.wait_beyond(position)

    def has_news(self, position: int, kinds: Collection[str] | None) -> bool:
        """Tell, without asking the database, whether there may be a fact of *kinds*, or of any, behind *position*."""
        return self._wake.has_news(position, kinds)

    def find_facts(self, sql: Sql, after: int, limit: int, kinds: Sequence[str] | None = None) -> list[StoredFact]:
        """Return up to *limit* facts behind the position *after*, of the given kinds, or of all."""
        return store.find_facts(sql, after, limit, kinds)

    def seq_at(self, sql: Sql, space: SpaceId, moment: datetime) -> int:
        """Return the last seq of *space* that is not after *moment*, 0 if it had none yet."""
        return store.find_seq_at(sql, space, latest_hlc(moment))

    def _fail(self) -> None:
        self._on_fatal()

    def _answer_later(
        self, jobs: Sequence[Job], outcomes: Sequence[BaseException | None], reached: Reached | None
    ) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answer, jobs, outcomes, reached)

    def _answer(self, jobs: Sequence[Job], outcomes: Sequence[BaseException | None], reached: Reached | None) -> None:
        if reached is not None:
            self._wake.advance(*reached)
        for job, error in zip(jobs, outcomes, strict=True):
            if isinstance(job, _Change):
                job.answer(error)


def _refuse(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
