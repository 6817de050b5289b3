"""What a listener keeps when it, the database or a person's second try fails."""

import asyncio
from datetime import UTC, datetime

import pytest

from cloudconnect.bus import Dispatcher, EventLog, Listener
from cloudconnect.bus import store as bus_store
from cloudconnect.database import open_database
from cloudconnect.events.files import FolderAdded
from cloudconnect.kernel.clock import HeldClock
from cloudconnect.kernel.errors import Unavailable
from cloudconnect.kernel.principal import APPLIANCE


class Watched:
    """A log that tells after each commit."""

    def __init__(self, log):
        self._log = log
        self.committed = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._log, name)

    async def commit(self, change, *, actor):
        try:
            return await self._log.commit(change, actor=actor)
        finally:
            self.committed.set()


class Bench:
    """A log, a listener that fails at the positions in *failing*, and a way to wait until it has read all."""

    def __init__(self, database, log):
        self.database, self.log = database, Watched(log)
        self.failing, self.seen = set(), []

    def note(self, unit, stored):
        if stored.position in self.failing:
            raise OSError("on purpose")
        self.seen.append(stored.position)

    def dispatcher(self, database=None):
        async def pause(seconds):
            await asyncio.sleep(0)

        dispatcher = Dispatcher(self.log, database or self.database, pause=pause)
        dispatcher.subscribe([Listener(name="l", in_unit=self.note)])
        dispatcher.start()
        return dispatcher

    async def add(self, count=1):
        for _ in range(count):
            await self.log.commit(
                lambda unit: unit.record(FolderAdded(subject="nod_1", space="spc_1")), actor=APPLIANCE
            )

    def bookmark(self):
        return self.database.read_now(lambda sql: bus_store.find_bookmark(sql, "l"))

    async def settle(self):
        async with asyncio.timeout(10):
            while self.bookmark() != self.log.position:
                await self.log.committed.wait()
                self.log.committed.clear()


@pytest.fixture
async def bench(database_url, tmp_path):
    database = open_database(database_url, tmp_path, readers=2)
    database.migrate()
    log = EventLog(database, HeldClock(datetime(2026, 3, 1, tzinfo=UTC)))
    log.start()
    yield Bench(database, log)
    await log.stop()
    database.close()


async def test_a_second_try_of_a_parked_fact_leaves_the_bookmark_where_it_is(bench):
    bench.failing = {1}
    await bench.add(3)
    dispatcher = bench.dispatcher()
    await bench.settle()
    bench.failing = set()

    assert await dispatcher.retry_parked("l", 1)
    await dispatcher.stop()

    assert bench.bookmark() == 3
    again = bench.dispatcher()
    await bench.add()
    await bench.settle()
    await again.stop()
    assert bench.seen == [2, 3, 1, 4]


async def test_a_second_try_that_fails_leaves_the_fact_parked_and_counts(bench):
    bench.failing = {1}
    await bench.add()
    dispatcher = bench.dispatcher()
    await bench.settle()

    assert not await dispatcher.retry_parked("l", 1)

    (parked,) = await dispatcher.find_parked(10)
    await dispatcher.stop()
    assert (parked.attempts, bench.bookmark()) == (6, 1)


async def test_what_was_never_parked_cannot_be_tried_again(bench):
    dispatcher = bench.dispatcher()

    assert not await dispatcher.retry_parked("l", 99)
    assert not await dispatcher.retry_parked("nobody", 1)
    await dispatcher.stop()


async def test_a_listener_outlives_a_database_that_is_away_for_a_while(bench):
    class Flickering:
        """A database whose next reads are refused."""

        refusals = 3

        async def read(self, ask):
            if self.refusals:
                self.refusals -= 1
                raise Unavailable
            return await bench.database.read(ask)

    await bench.add(2)
    dispatcher = bench.dispatcher(Flickering())
    await bench.settle()
    await dispatcher.stop()

    assert bench.seen == [1, 2]


async def test_effects_outside_happen_again_when_the_bookmark_did_not_move(bench):
    seen, called = [], asyncio.Event()

    async def handle(stored):
        seen.append(stored.position)
        called.set()
        if len(seen) == 1:
            raise asyncio.CancelledError

    await bench.add()
    dispatcher = Dispatcher(bench.log, bench.database)
    dispatcher.subscribe([Listener(name="l", handle=handle)])
    dispatcher.start()
    await asyncio.wait_for(called.wait(), 10)
    await dispatcher.stop()
    again = Dispatcher(bench.log, bench.database)
    again.subscribe([Listener(name="l", handle=handle)])
    again.start()
    await bench.settle()
    await again.stop()

    assert seen == [1, 1]
