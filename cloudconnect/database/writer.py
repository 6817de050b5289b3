"""The one writer thread: it drains a queue, runs each job in a savepoint, commits many at once, then answers all.

Group commit makes the price of durability a matter of batches, not of jobs: one fsync serves everybody who waited.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

import peewee
import structlog

from cloudconnect.database.connection import Connection
from cloudconnect.database.errors import DatabaseFailed, DatabaseFull, is_fatal, refusal_for
from cloudconnect.kernel.text import N_

log = structlog.get_logger()

_BATCH_MOST = 512
_ADVISORY_LOCK = 0x436C6F7564
"""Held by the process that assigns positions, until commit ("Cloud" in ASCII)."""
_LOOK_FIRST = N_("It may have been done: look before you repeat it.")


class _NoAnswer(Exception):
    """The connection broke during a commit: whether it was done is unknown, so it must not be done again."""


class _NotDurable(Exception):
    """It was committed, but the names of the files may not outlive a power cut."""


class Job(Protocol):
    """One unit of work. It may run more than once; only the last run counts."""

    def run(self, connection: Connection) -> None:
        """Do the work; whatever it raises rolls this job back, and no other."""
        ...


class _Aside(NamedTuple):
    work: Callable[[peewee.Database], None]
    future: "Future[None]"


class Ledger(Protocol):
    """What has to happen around jobs in each transaction: the log assigns its positions there."""

    def open(self, connection: Connection) -> None:
        """Called when a transaction has begun."""
        ...

    def mark(self) -> object:
        """Return a mark of the state before a job."""
        ...

    def return_to(self, mark: object) -> None:
        """Forget what has happened since *mark*: the job was rolled back."""
        ...

    def close(self, connection: Connection) -> None:
        """Called before a transaction commits."""
        ...

    def settled(self, jobs: Sequence[Job], outcomes: Sequence[BaseException | None], *, is_committed: bool) -> None:
        """Called when a transaction has ended, with the outcome of each job; must not raise."""
        ...


class Writer:
    """Runs jobs on a thread of its own, in the order in which they came."""

    def __init__(
        self,
        engine: peewee.Database,
        ledger: Ledger,
        *,
        after_first_commit: Callable[[], None],
        on_fatal: Callable[[], None],
        on_full: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._connection = Connection(engine)
        self._is_postgresql = isinstance(engine, peewee.PostgresqlDatabase)
        self._ledger = ledger
        self._after_first_commit: Callable[[], None] | None = after_first_commit
        self._on_fatal = on_fatal
        self._on_full = on_full
        self._has_failed = False
        self._asides: queue.SimpleQueue[_Aside] = queue.SimpleQueue()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue *job*; the ledger is told its outcome in any case."""
        self._queue.put(job)

    def set_aside(self, work: Callable[[peewee.Database], None]) -> "Future[None]":
        """Have *work* done outside any transaction, after the batch of jobs that comes next."""
        aside = _Aside(work, Future())
        self._asides.put(aside)
        return aside.future

    def stop(self) -> None:
        """Finish what is queued, then end the thread and close its connection."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_open = True
        while is_open:
            batch: list[Job] = []
            is_open = _take(self._queue, batch)
            if batch:
                self._commit(batch)
            while not self._asides.empty():
                self._do_aside(self._asides.get())
        self._engine.close()

    def _do_aside(self, aside: "_Aside") -> None:
        try:
            aside.work(self._engine)
        except Exception as error:  # noqa: BLE001 - whoever waits must get an answer, whatever went wrong
            aside.future.set_exception(refusal_for(error) or error)
        else:
            aside.future.set_result(None)

    def _commit(self, batch: list[Job], *, may_reconnect: bool = True) -> None:
        if self._has_failed:
            self._settle(batch, DatabaseFailed(N_("The database failed earlier; the daemon is restarting.")))
            return
        try:
            outcomes = self._run(batch)
        except Exception as error:  # noqa: BLE001 - every waiting job must get an answer, whatever broke the batch
            self._give_up(batch, error, may_reconnect=may_reconnect)
        else:
            self._ledger.settled(batch, outcomes, is_committed=True)

    def _run(self, batch: list[Job]) -> list[BaseException | None]:
        try:
            self._begin()
            self._ledger.open(self._connection)
            if len(batch) > 1:
                self._connection.control("SAVEPOINT unit")
            outcomes = [self._run_one(job, is_alone=len(batch) == 1) for job in batch]
            self._ledger.close(self._connection)
        except BaseException:
            self._roll_back()
            raise
        self._end()
        return outcomes

    def _begin(self) -> None:
        if self._engine.is_closed():
            self._engine.connect()
        if self._is_postgresql:
            self._engine.begin()
            self._connection.row("SELECT pg_advisory_xact_lock(?)", (_ADVISORY_LOCK,))
        else:
            self._connection.control("BEGIN IMMEDIATE")

    def _end(self) -> None:
        try:
            self._connection.control("COMMIT")
        except BaseException as error:
            self._roll_back()
            if self._engine.is_closed():
                raise _NoAnswer from error
            raise
        if self._after_first_commit is not None:
            try:
                self._after_first_commit()
            except OSError as error:
                raise _NotDurable from error
            self._after_first_commit = None

    def _run_one(self, job: Job, *, is_alone: bool) -> BaseException | None:
        mark = self._ledger.mark()
        try:
            job.run(self._connection)
        except peewee.PeeweeException:
            raise
        except Exception as error:
            if is_alone:
                raise
            # The savepoint stays, and serves the next job.
            self._connection.control("ROLLBACK TO SAVEPOINT unit")
            self._ledger.return_to(mark)
            return error
        if not is_alone:
            # Both in one go: each is a trip to the server.
            self._connection.control("RELEASE SAVEPOINT unit; SAVEPOINT unit")
        return None

    def _give_up(self, batch: list[Job], error: Exception, *, may_reconnect: bool) -> None:
        if isinstance(error, _NotDurable) or is_fatal(error):
            self._has_failed = True
            log.critical("database.write_failed", error=repr(error.__cause__ or error))
            self._on_fatal()
            self._settle(batch, DatabaseFailed(N_("The disk of the database failed; the daemon is restarting.")))
        elif isinstance(error, _NoAnswer):
            log.error("database.commit_unanswered", units=len(batch), error=repr(error.__cause__))
            self._settle(batch, DatabaseFailed(N_("The database was lost while it committed."), fix=_LOOK_FIRST))
        elif may_reconnect and self._engine.is_closed():
            # The connection broke before the commit, so nothing of it is durable; the server may be back already.
            self._commit(batch, may_reconnect=False)
        elif len(batch) > 1 and not self._engine.is_closed():
            # The engine has thrown the whole transaction away, so nothing of it is durable: each job has another try of
            # its own, and only the one that breaks it fails.
            for job in batch:
                self._commit([job])
        else:
            refusal = refusal_for(error)
            if isinstance(refusal, DatabaseFull) and self._has_made_room():
                self._commit(batch)
            else:
                self._settle(batch, refusal or error)

    def _has_made_room(self) -> bool:
        try:
            return self._on_full()
        except Exception:
            # Whoever waits must get an answer, whatever became of making room.
            log.exception("database.no_room_made")
            return False

    def _settle(self, batch: list[Job], error: BaseException) -> None:
        self._ledger.settled(batch, [error] * len(batch), is_committed=False)

    def _roll_back(self) -> None:
        try:
            self._engine.rollback()
        except peewee.PeeweeException:
            # The connection is gone, and the transaction with it.
            self._engine.close()


def _take(jobs: "queue.SimpleQueue[Job | None]", batch: list[Job]) -> bool:
    job = jobs.get()
    while job is not None:
        batch.append(job)
        if len(batch) == _BATCH_MOST:
            return True
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            return True
    return False
