"""The log's promises: one order, no gaps, nothing of what failed, everything that was acknowledged."""

import asyncio
import signal
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.bus import Dispatcher, EventLog, Listener
from cloudconnect.bus import store as bus_store
from cloudconnect.database import NewerSchema, open_database
from cloudconnect.database.errors import DatabaseInUse
from cloudconnect.events.files import FolderAdded
from cloudconnect.events.sessions import SessionEnded
from cloudconnect.kernel.clock import HeldClock
from cloudconnect.kernel.principal import APPLIANCE


@dataclass
class Bench:
    clock: HeldClock
    database: object
    log: EventLog

    async def add(self, space="spc_a", *, fails=False):
        def change(unit):
            recorded = unit.record(FolderAdded(subject="nod_1", space=space))
            if fails:
                raise ValueError("on purpose")
            return recorded

        return await self.log.commit(change, actor=APPLIANCE)

    async def facts(self):
        return await self.database.read(lambda sql: self.log.find_facts(sql, 0, 10_000))


@pytest.fixture
async def bench(database_url, tmp_path):
    clock = HeldClock(datetime(2026, 3, 1, tzinfo=UTC))
    database = open_database(database_url, tmp_path, readers=2)
    database.migrate()
    log = EventLog(database, clock)
    log.start()
    yield Bench(clock, database, log)
    await log.stop()
    database.close()


async def test_each_space_counts_for_itself_without_gaps(bench):
    places = [await bench.add(space) for space in ("spc_a", "spc_b", "spc_a", "spc_b", "spc_a")]
    assert [(each.position, each.seq) for each in places] == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)]


async def test_a_change_that_awaits_an_answer_is_committed_by_whoever_answers(bench):
    answer = Future()
    committing = asyncio.ensure_future(bench.log.commit_after(answer, _add_named, actor=APPLIANCE))
    await asyncio.sleep(0)

    await asyncio.to_thread(answer.set_result, "nod_7")

    assert (await committing).seq == 1
    assert [each.fact.subject for each in await bench.facts()] == ["nod_7"]


async def test_a_refused_answer_changes_nothing(bench):
    answer = Future()
    committing = asyncio.ensure_future(bench.log.commit_after(answer, _add_named, actor=APPLIANCE))
    await asyncio.sleep(0)

    await asyncio.to_thread(answer.set_exception, ValueError("on purpose"))

    with pytest.raises(ValueError, match="on purpose"):
        await committing
    assert await bench.facts() == []


async def test_whoever_goes_away_before_the_answer_changes_nothing(bench):
    answer = Future()
    committing = asyncio.ensure_future(bench.log.commit_after(answer, _add_named, actor=APPLIANCE))
    await asyncio.sleep(0)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing

    answer.set_result("nod_7")

    assert (await bench.add()).position == 1


def _add_named(unit, node):
    return unit.record(FolderAdded(subject=node, space="spc_a"))


async def test_a_fact_outside_any_space_has_no_seq(bench):
    recorded = await bench.log.commit(
        lambda unit: unit.record(SessionEnded(subject="ses_1", account="usr_1")), actor=APPLIANCE
    )
    assert recorded.seq is None


async def test_what_fails_leaves_nothing_and_gives_its_place_back(bench):
    with pytest.raises(ValueError, match="on purpose"):
        await bench.add(fails=True)
    recorded = await bench.add()
    assert (recorded.position, recorded.seq) == (1, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.tuples(st.sampled_from(["spc_a", "spc_b", "spc_c"]), st.booleans()), min_size=1, max_size=40))
async def test_many_at_once_keep_one_gapless_order(bench, plan):
    before = len(await bench.facts())
    outcomes = await asyncio.gather(*(bench.add(space, fails=fails) for space, fails in plan), return_exceptions=True)
    facts = await bench.facts()
    assert [isinstance(each, ValueError) for each in outcomes] == [fails for _, fails in plan]
    assert [each.position for each in facts] == list(range(1, len(facts) + 1))
    assert len(facts) - before == sum(not fails for _, fails in plan)
    for space in ("spc_a", "spc_b", "spc_c"):
        seqs = [each.seq for each in facts if each.space == space]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_the_clock_of_facts_never_goes_back(bench):
    await bench.add()
    bench.clock.advance(timedelta(hours=-1))
    await bench.add()
    first, second = await bench.facts()
    assert second.hlc > first.hlc


async def test_a_moment_names_the_last_seq_before_it(bench):
    await bench.add()
    first = bench.clock.now()
    bench.clock.advance(timedelta(minutes=1))
    await bench.add()

    def at(moment):
        return bench.database.read_now(lambda sql: bench.log.seq_at(sql, "spc_a", moment))

    assert at(first - timedelta(seconds=1)) == 0
    assert at(first) == 1
    assert at(first + timedelta(seconds=59)) == 1
    assert at(bench.clock.now()) == 2


async def test_a_waiter_wakes_when_the_log_goes_on(bench):
    waiting = asyncio.create_task(bench.log.wait_beyond(0))
    await asyncio.sleep(0)
    await bench.add()
    assert await waiting == 1


async def test_the_log_goes_on_where_it_ended(bench, database_url, tmp_path):
    await bench.add()
    await bench.log.stop()
    again = EventLog(bench.database, bench.clock)
    again.start()
    bench.log = again
    recorded = await bench.add()
    assert (recorded.position, recorded.seq) == (2, 2)


async def settle(bench, dispatcher, listener):
    """Wait until *listener* has read as far as the log goes, as its bookmark says."""
    async with asyncio.timeout(10):
        while True:
            end = bench.log.position
            read = await bench.database.read(lambda sql: bus_store.find_bookmark(sql, listener))
            if read is not None and read >= end:
                return
            await asyncio.sleep(0.01)


async def test_a_listener_in_the_unit_sees_each_fact_exactly_once(bench):
    for _ in range(5):
        await bench.add()
    seen = []
    dispatcher = Dispatcher(bench.log, bench.database)
    dispatcher.subscribe([Listener(name="l", in_unit=lambda unit, stored: seen.append(stored.position))])
    dispatcher.start()
    await settle(bench, dispatcher, "l")
    await dispatcher.stop()
    again = Dispatcher(bench.log, bench.database)
    again.subscribe([Listener(name="l", in_unit=lambda unit, stored: seen.append(stored.position))])
    again.start()
    await bench.add()
    await settle(bench, again, "l")
    await again.stop()
    assert seen == [1, 2, 3, 4, 5, 6]


async def test_a_listener_is_not_disturbed_by_facts_of_other_kinds_and_misses_none_of_its_own(bench, monkeypatch):
    class Counting:
        asked = 0

        async def read(self, ask):
            self.asked += 1
            return await bench.database.read(ask)

    async def end_session():
        ended = SessionEnded(subject="ses_1", account="usr_1")
        await bench.log.commit(lambda unit: unit.record(ended), actor=APPLIANCE)

    monkeypatch.setattr("cloudconnect.bus.dispatcher._GATHER_SECONDS", 0)
    await end_session()
    seen, counting = [], Counting()
    dispatcher = Dispatcher(bench.log, counting)
    note = Listener(name="l", in_unit=lambda unit, stored: seen.append(stored.position), kinds={SessionEnded.kind})
    dispatcher.subscribe([note])
    dispatcher.start()
    await settle(bench, dispatcher, "l")
    asked = counting.asked

    for _ in range(20):
        await bench.add()
    await end_session()
    await settle(bench, dispatcher, "l")

    await dispatcher.stop()
    assert (seen, counting.asked - asked) == ([1, 22], 1)


async def test_a_fact_that_fails_five_times_is_parked_and_the_next_is_read(bench):
    pauses, seen = [], []

    async def pause(seconds):
        pauses.append(seconds)

    async def handle(stored):
        if stored.position == 1 and len(pauses) < 99:
            raise OSError("nobody answers")
        seen.append(stored.position)

    await bench.add()
    await bench.add()
    dispatcher = Dispatcher(bench.log, bench.database, pause=pause)
    dispatcher.subscribe([Listener(name="l", handle=handle)])
    dispatcher.start()
    await settle(bench, dispatcher, "l")
    (parked,) = await dispatcher.find_parked(10)
    assert seen == [2]
    assert (parked.listener, parked.position, parked.attempts) == ("l", 1, 5)
    assert len(pauses) == 4
    pauses.extend([0.0] * 99)
    assert await dispatcher.retry_parked("l", 1)
    assert await dispatcher.find_parked(10) == []
    await dispatcher.stop()
    assert seen == [2, 1]


async def test_a_listener_that_starts_now_leaves_the_past_alone(bench):
    await bench.add()
    seen = []
    dispatcher = Dispatcher(bench.log, bench.database)
    dispatcher.subscribe(
        [Listener(name="l", in_unit=lambda unit, stored: seen.append(stored.position), from_start=False)]
    )
    dispatcher.start()
    await settle(bench, dispatcher, "l")
    await bench.add()
    await settle(bench, dispatcher, "l")
    await dispatcher.stop()
    assert seen == [2]


def test_two_listeners_of_one_name_are_refused(bench):
    dispatcher = Dispatcher(bench.log, bench.database)
    with pytest.raises(ValueError, match="two listeners"):
        dispatcher.subscribe([Listener(name="l"), Listener(name="l")])


async def test_a_database_of_a_newer_release_is_refused(bench, database_url, tmp_path):
    await bench.log.commit(
        lambda unit: unit.sql.execute(
            "INSERT INTO schema_migration (name, applied) VALUES (?, ?)", ("9999_tomorrow", "2030")
        ),
        actor=APPLIANCE,
    )
    newer = open_database(database_url, tmp_path)
    with pytest.raises(NewerSchema, match="9999_tomorrow"):
        newer.migrate()
    newer.close()


_WRITE_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from cloudconnect.bus import EventLog
from cloudconnect.database import open_database
from cloudconnect.events.files import FolderAdded
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.principal import APPLIANCE

async def main():
    database = open_database(sys.argv[1], Path(sys.argv[2]))
    database.migrate()
    log = EventLog(database, SystemClock())
    log.start()
    async def write():
        while True:
            recorded = await log.commit(lambda unit: unit.record(FolderAdded(subject="n", space="s")), actor=APPLIANCE)
            print(recorded.position, flush=True)
    await asyncio.gather(*(write() for _ in range(8)))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 40, 300])
def test_a_killed_writer_loses_nothing_that_it_acknowledged(database_url, tmp_path, lines):
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITE_UNTIL_KILLED, database_url, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    acknowledged = [int(writer.stdout.readline()) for _ in range(lines)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    writer.stdout.close()
    writer.wait()
    database = open_database(database_url, tmp_path)
    database.migrate()
    facts = database.read_now(lambda sql: bus_store.find_facts(sql, 0, 100_000, None))
    database.close()
    assert [each.position for each in facts] == list(range(1, len(facts) + 1))
    assert set(acknowledged) <= {each.position for each in facts}


async def test_nothing_deleted_is_left_after_the_database_was_written_anew_under_load(bench):
    mark = "a secret " * 400

    def delete(unit):
        unit.sql.execute("DELETE FROM job")

    await bench.log.commit(
        lambda unit: unit.sql.execute("INSERT INTO job (name, outcome) VALUES ('x', ?)", (mark,)), actor=APPLIANCE
    )
    await bench.log.commit(delete, actor=APPLIANCE)

    await asyncio.gather(asyncio.to_thread(bench.log.write_anew_now), *(bench.add() for _ in range(20)))

    assert (await bench.add()).position == 21
    assert [each.position for each in await bench.facts()] == list(range(1, 22))
    if bench.database.file is not None:
        found = [path for path in bench.database.file.parent.iterdir() if b"a secret a secret" in path.read_bytes()]
        assert found == []


async def test_whoever_reads_for_too_long_keeps_the_log_of_the_database_from_being_emptied(bench):
    if bench.database.file is None:
        pytest.skip("a server empties its log by itself")
    await bench.add()
    done = bench.log._writer.set_aside(lambda engine: engine.execute_sql("PRAGMA busy_timeout = 50"))
    await bench.add()
    done.result()

    def ask(sql):
        sql.rows("SELECT * FROM event")
        with pytest.raises(DatabaseInUse):
            bench.log.write_anew_now()

    await bench.database.read(ask)
    await asyncio.to_thread(bench.log.write_anew_now)
    assert (await bench.add()).position == 3
