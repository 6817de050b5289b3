"""Large crossings are operations: watched, interrupted, cancelled and gone on with, and never half there."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from cloudconnect.features.auth import AccountTable
from cloudconnect.features.files import Crossing, CrossingRuns
from cloudconnect.features.files.errors import NoSuchEntry
from cloudconnect.features.files.service import crossing_runs, ferrying
from cloudconnect.features.operations import OperationsService, State
from cloudconnect.kernel.errors import Conflict, Denied, Invalid
from cloudconnect.kernel.text import Text
from cloudconnect.ports.operations import Kind

COPY = Crossing(space="Photos", path="/a", into="Family", target="/b")
MOVE = dataclasses.replace(COPY, is_move=True)
FILES = {f"/a/{number:02}": b"%d" % number * 10 for number in range(12)}
KIND = "files.cross"


class Gate:
    """Lets so many portions pass into the vault as a test says."""

    def __init__(self, vault):
        self._write_many = vault.write_many
        self.passes = asyncio.Semaphore(0)
        self.arrived = 0
        vault.write_many = self._pass

    async def _pass(self, space, contents):
        self.arrived += 1
        await self.passes.acquire()
        return await self._write_many(space, contents)

    def open(self, count=1_000):
        for _ in range(count):
            self.passes.release()


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    monkeypatch.setattr(crossing_runs, "MOST_FILES", 10)
    monkeypatch.setattr(ferrying, "_AT_ONCE", 3)


def offer(rooms):
    """Return the operations room, and what starts crossings in it, as an appliance builds them."""
    operations = OperationsService(rooms.log, rooms.database, rooms.clock, rooms.access, CollectorRegistry())
    runs = CrossingRuns(rooms.log, rooms.database, rooms.clock, rooms.crossing, operations, AccountTable())
    operations.add_kind(Kind(KIND, Text("Cross"), "bytes", runs.run, is_personal=True, forget=runs.forget))
    return operations, runs


@pytest.fixture
async def two(rooms, ada, bob):
    """Two spaces of bob's, who is no administrator, and twelve files in one of them."""
    for name in ("Photos", "Family"):
        await rooms.spaces.create(ada, name, owner="bob")
    for path, raw in FILES.items():

        async def stream(raw=raw):
            yield raw

        await rooms.files.put_file(bob, "Photos", path, stream(), parents=True)
    return rooms


@pytest.fixture
async def offered(two):
    operations, runs = offer(two)
    yield operations, runs
    await operations.stop()


async def listing(rooms, who, space):
    found = await rooms.files.find_descendants(who, space, "/", limit=1_000)
    return {entry.path: entry.sha256 for entry in found.items if not entry.is_folder}


async def held(rooms):
    await rooms.uploads.remove_expired()
    return await rooms.database.read(lambda sql: sql.row("SELECT COUNT(*) FROM upload_chunk")[0])


async def until(operations, who, identifier, is_so):
    async with asyncio.timeout(10):
        while not is_so(  # noqa: ASYNC110 - what changes lies behind the room's door
            found := await operations.get_operation(who, identifier)
        ):
            await asyncio.sleep(0.005)
    return found


def is_done(found):
    return found.state is State.DONE


async def test_what_is_small_is_done_at_once(two, offered, bob, monkeypatch):
    monkeypatch.setattr(crossing_runs, "MOST_FILES", 100)

    assert await offered[1].start(bob, COPY) is None


async def test_a_large_move_is_an_operation_of_whoever_asks(two, offered, bob):
    operations, runs = offered
    before = await listing(two, bob, "Photos")

    identifier = await runs.start(bob, MOVE)
    found = await until(operations, bob, identifier, is_done)

    assert (found.done, found.total, found.unit) == (sum(map(len, FILES.values())),) * 2 + ("bytes",)
    assert await listing(two, bob, "Family") == {path.replace("/a/", "/b/"): sha for path, sha in before.items()}
    assert await listing(two, bob, "Photos") == {}
    await two.history.undo(bob, "Photos", token=str(found.result["source_undo"]))
    await two.history.undo(bob, "Family", token=str(found.result["undo"]))
    assert await listing(two, bob, "Photos") == before
    assert await listing(two, bob, "Family") == {}


async def test_others_neither_see_nor_end_it_but_administrators(two, offered, bob, ada):
    operations, runs = offered
    gate = Gate(two.vault)
    identifier = await runs.start(bob, COPY)
    eve = await two.person("eve")

    assert [each.id for each in (await operations.find_operations(bob, 10, None)).items] == [identifier]
    assert (await operations.find_operations(eve, 10, None)).items == []
    for act in (operations.get_operation, operations.pause, operations.cancel, operations.resume):
        with pytest.raises(Denied):
            await act(eve, identifier)
    with pytest.raises(Conflict):
        await runs.start(bob, dataclasses.replace(COPY, target="/c"))
    await operations.cancel(ada, identifier)
    gate.open()
    await until(operations, bob, identifier, lambda each: each.state is State.CANCELLED)


async def test_it_is_not_started_by_its_name(offered, ada):
    operations, _ = offered

    with pytest.raises(Invalid):
        await operations.start(ada, KIND, {})
    assert KIND not in [each.name for each in operations.kinds()]


async def test_a_cancelled_one_leaves_nothing(two, offered, bob):
    operations, runs = offered
    gate = Gate(two.vault)
    identifier = await runs.start(bob, MOVE)
    gate.open(2)
    await until(operations, bob, identifier, lambda each: gate.arrived == 3)

    assert await listing(two, bob, "Family") == {}
    await operations.cancel(bob, identifier)
    gate.open()
    await until(operations, bob, identifier, lambda each: each.state is State.CANCELLED)

    assert await listing(two, bob, "Family") == {}
    assert len(await listing(two, bob, "Photos")) == len(FILES)
    assert await held(two) == 0


async def test_a_paused_one_holds_what_it_carried_and_goes_on(two, offered, bob):
    operations, runs = offered
    gate = Gate(two.vault)
    identifier = await runs.start(bob, MOVE)
    gate.open(2)
    await until(operations, bob, identifier, lambda each: gate.arrived == 3)
    await operations.pause(bob, identifier)
    gate.open(1)
    await until(operations, bob, identifier, lambda each: each.state is State.PAUSED)
    two.clock.advance(timedelta(days=2))
    assert await held(two) >= 6
    gate.open()
    arrived = gate.arrived

    await operations.resume(bob, identifier)
    await until(operations, bob, identifier, is_done)

    assert gate.arrived - arrived <= 2, "what was carried is not carried again"
    assert len(await listing(two, bob, "Family")) == len(FILES)


async def test_a_paused_one_that_is_cancelled_holds_nothing(two, offered, bob):
    operations, runs = offered
    gate = Gate(two.vault)
    identifier = await runs.start(bob, MOVE)
    await until(operations, bob, identifier, lambda each: gate.arrived == 1)
    await operations.pause(bob, identifier)
    gate.open()
    await until(operations, bob, identifier, lambda each: each.state is State.PAUSED)

    await operations.cancel(bob, identifier)

    assert await held(two) == 0


async def test_one_that_stood_still_too_long_says_so(two, offered, bob):
    operations, runs = offered
    gate = Gate(two.vault)
    identifier = await runs.start(bob, MOVE)
    await until(operations, bob, identifier, lambda each: gate.arrived == 1)
    await operations.pause(bob, identifier)
    gate.open()
    await until(operations, bob, identifier, lambda each: each.state is State.PAUSED)
    two.clock.advance(timedelta(days=8))

    await operations.resume(bob, identifier)
    found = await until(operations, bob, identifier, lambda each: each.state is State.FAILED)

    assert "7 days" in found.error
    assert await listing(two, bob, "Family") == {}


async def test_it_goes_on_after_a_restart(two, bob):
    operations, runs = offer(two)
    gate = Gate(two.vault)
    identifier = await runs.start(bob, MOVE)
    gate.open(2)
    await until(operations, bob, identifier, lambda each: gate.arrived == 3)
    stopping = asyncio.create_task(operations.stop())
    gate.open()
    await stopping
    assert await listing(two, bob, "Family") == {}

    again, _ = offer(two)
    await again.start_interrupted()
    await until(again, bob, identifier, is_done)
    await again.stop()

    assert len(await listing(two, bob, "Family")) == len(FILES)
    assert await listing(two, bob, "Photos") == {}


async def test_what_ended_just_before_a_crash_is_told_again_and_not_done_again(two, offered, bob):
    operations, runs = offered
    identifier = await runs.start(bob, dataclasses.replace(MOVE, replace=True))
    found = await until(operations, bob, identifier, is_done)

    told = await asyncio.to_thread(runs.run, found.parameters, Silent())

    assert told == found.result
    assert (await two.files.find_trash(bob, "Family", 10, None)).items == []


class Silent:
    """Lets an operation run to its end."""

    checkpoint = ""

    def report(self, done, total, note=""):
        pass

    def keep(self, checkpoint):
        pass

    def check(self):
        pass


class Crash(BaseException):
    """The process is gone."""


async def test_a_crash_at_any_unit_leaves_all_or_nothing_and_the_rest_is_done_later(two, bob, monkeypatch):
    """Whatever the last unit before the crash was: durable or not."""
    before = await listing(two, bob, "Photos")
    whole = {path.replace("/a/", "/b/"): sha for path, sha in before.items()}
    commit = two.log.commit
    is_landed = False
    for number in range(100):
        left = number // 2

        async def crashing(change, *, actor, is_durable=number % 2):
            nonlocal left
            if left < 0:
                raise Crash
            left -= 1
            if left >= 0:
                return await commit(change, actor=actor)
            if is_durable:
                await commit(change, actor=actor)
            raise Crash

        operations, runs = offer(two)
        started = []

        async def note(_principal, _kind, parameters, started=started):
            started.append(parameters)
            return "opn_x"

        monkeypatch.setattr(operations, "start_own", note)
        await runs.start(bob, MOVE)
        monkeypatch.setattr(two.log, "commit", crashing)
        is_whole = True
        try:
            await asyncio.to_thread(runs.run, started[0], Silent())
        except Crash:
            is_whole = False
        monkeypatch.setattr(two.log, "commit", commit)
        there = await listing(two, bob, "Family")
        assert there in ({}, whole), number
        assert await listing(two, bob, "Photos") == ({} if there else before), number
        is_landed = is_landed or (bool(there) and not is_whole)
        result = await asyncio.to_thread(runs.run, started[0], Silent())
        assert await listing(two, bob, "Family") == whole
        await two.history.undo(bob, "Family", token=str(result["undo"]))
        await two.history.undo(bob, "Photos", token=str(result["source_undo"]))
        if is_whole:
            break
    else:
        pytest.fail("it never ended")
    assert is_landed
    assert number > 8


async def test_an_account_that_is_gone_moves_nothing(two, offered, bob, ada):
    operations, runs = offered
    gate = Gate(two.vault)
    identifier = await runs.start(bob, MOVE)
    await until(operations, bob, identifier, lambda each: gate.arrived == 1)
    await operations.pause(bob, identifier)
    gate.open()
    await until(operations, bob, identifier, lambda each: each.state is State.PAUSED)
    await two.auth.change_account(ada, bob.name, is_disabled=True)

    await operations.resume(ada, identifier)
    found = await until(operations, ada, identifier, lambda each: each.state is State.FAILED)

    assert "gone or disabled" in found.error
    with pytest.raises(NoSuchEntry):
        await two.files.get_entry(bob, "Family", "/b")
