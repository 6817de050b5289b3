"""Jobs run at their time, make up for what they missed, and never stop one another."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from cloudconnect.bus import EventLog, Job, Jobs
from cloudconnect.bus import store as bus_store
from cloudconnect.database import open_database
from cloudconnect.kernel.clock import HeldClock, SystemClock, to_ms
from cloudconnect.kernel.principal import APPLIANCE


class Bench:
    """Jobs over a log whose clock stands at the present, for the scheduler has the machine's own."""

    def __init__(self, database):
        self.clock = HeldClock(SystemClock().now())
        self.database = database
        self.log = EventLog(database, self.clock)
        self.ran = asyncio.Event()

    async def work(self):
        self.ran.set()

    async def note(self, name, ago):
        started = to_ms(self.clock.now() - ago)
        await self.log.commit(lambda unit: bus_store.note_job(unit.sql, name, started, started, "ok"), actor=APPLIANCE)

    def last(self, name):
        return self.database.read_now(
            lambda sql: sql.row("SELECT started_ms, finished_ms, outcome FROM job WHERE name = ?", (name,))
        )

    async def run_once(self, job):
        """Start *job* alone, wait until it has run and its first run is noted, and stop."""
        jobs = Jobs(self.log, self.database, self.clock)
        jobs.add(job)
        await jobs.start()
        await asyncio.wait_for(self.ran.wait(), 10)
        # The note of the run is queued before this unit, which comes back when both are durable.
        await asyncio.sleep(0)
        await self.log.commit(lambda unit: None, actor=APPLIANCE)
        await jobs.stop()


@pytest.fixture
async def bench(database_url, tmp_path):
    database = open_database(database_url, tmp_path, readers=2)
    database.migrate()
    bench = Bench(database)
    bench.log.start()
    yield bench
    await bench.log.stop()
    database.close()


async def test_a_run_that_was_missed_while_down_is_made_up_for_at_the_start(bench):
    await bench.note("clean", timedelta(days=3))

    await bench.run_once(Job("clean", timedelta(days=1), bench.work))

    now_ms = to_ms(bench.clock.now())
    assert bench.last("clean") == (now_ms, now_ms, "ok")


async def test_a_run_that_is_not_due_yet_waits_also_over_a_restart(bench):
    await bench.note("clean", timedelta(hours=1))
    jobs = Jobs(bench.log, bench.database, bench.clock)
    jobs.add(Job("clean", timedelta(days=1), bench.work))
    jobs.add(Job("other", timedelta(milliseconds=1), bench.work))

    await jobs.start()
    await asyncio.wait_for(bench.ran.wait(), 10)
    await jobs.stop()

    assert bench.last("clean")[0] == to_ms(bench.clock.now() - timedelta(hours=1))


async def test_a_job_that_fails_is_noted_with_its_reason_and_logged(bench):
    async def fail():
        bench.ran.set()
        raise OSError("on purpose")

    with capture_logs() as lines:
        await bench.run_once(Job("clean", timedelta(milliseconds=1), fail))

    assert bench.last("clean")[2] == "OSError('on purpose')"
    assert ("bus.job_failed", "clean") in [(line["event"], line.get("job")) for line in lines]


async def test_a_job_without_notes_leaves_none(bench):
    await bench.run_once(Job("seen", timedelta(milliseconds=1), bench.work, is_noted=False))

    assert bench.last("seen") is None


async def test_a_job_never_runs_twice_at_once(bench):
    running, most, runs = 0, 0, 0

    async def work():
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        if runs == 3:
            bench.ran.set()

    jobs = Jobs(bench.log, bench.database, bench.clock)
    jobs.add(Job("clean", timedelta(milliseconds=5), work, is_noted=False))
    await jobs.start()
    await asyncio.wait_for(bench.ran.wait(), 10)
    await jobs.stop()

    assert most == 1
