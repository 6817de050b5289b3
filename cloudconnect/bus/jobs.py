"""What happens by the clock: jobs declared in code, with their last run kept in the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from cloudconnect.bus import store
from cloudconnect.bus.log import EventLog
from cloudconnect.database import Database
from cloudconnect.kernel.clock import Clock, from_ms, to_ms
from cloudconnect.kernel.principal import APPLIANCE

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """Work to be repeated; ``is_noted`` jobs keep their last run and make up for one that was missed while down."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]
    is_noted: bool = True


class Jobs:
    """Runs each job at its time, never twice at once."""

    def __init__(self, event_log: EventLog, database: Database, clock: Clock) -> None:
        self._log = event_log
        self._database = database
        self._clock = clock
        self._jobs: list[Job] = []
        self._scheduler: AsyncIOScheduler | None = None

    def add(self, job: Job) -> None:
        """Declare *job*, before the start."""
        self._jobs.append(job)

    async def start(self) -> None:
        """Begin; a noted job that was due while the appliance was down runs at once."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler  # noqa: PLC0415 - 70 ms that only a daemon has to pay
        from apscheduler.triggers.interval import IntervalTrigger  # noqa: PLC0415 - as above

        scheduler = AsyncIOScheduler(timezone="UTC")
        for job in self._jobs:
            now = self._clock.now()
            last_ms = await self._database.read(lambda sql, name=job.name: store.find_job_start(sql, name))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            due = now + job.every if last_ms is None else max(from_ms(last_ms) + job.every, now)
            scheduler.add_job(
                self._run,
                IntervalTrigger(seconds=job.every.total_seconds(), timezone="UTC"),
                args=[job],
                id=job.name,
                next_run_time=due,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        scheduler.start()
        self._scheduler = scheduler

    async def stop(self) -> None:
        """End; a job that is running is cut off and runs again after the next start."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def _run(self, job: Job) -> None:
        started_ms = to_ms(self._clock.now())
        outcome = "ok"
        try:
            await job.run()
        except Exception as error:
            outcome = repr(error)[:500]
            log.exception("bus.job_failed", job=job.name)
        if job.is_noted:
            finished_ms = to_ms(self._clock.now())
            await self._log.commit(
                lambda unit: store.note_job(unit.sql, job.name, started_ms, finished_ms, outcome), actor=APPLIANCE
            )
