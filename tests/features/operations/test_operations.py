"""Long jobs are run once, watched, interrupted, and go on where they stood."""

import asyncio
import threading
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from cloudconnect.features.operations import OperationsService, State, rules
from cloudconnect.kernel.errors import Conflict, Denied, Invalid, NotFound
from cloudconnect.kernel.text import Text
from cloudconnect.ports.operations import Kind


class Counting:
    """Counts to a hundred in steps that a test lets happen, keeping each as its checkpoint."""

    def __init__(self):
        self.may_step = threading.Semaphore(0)
        self.begun_at = []

    def run(self, parameters, progress):
        done = int(progress.checkpoint or 0)
        self.begun_at.append(done)
        while done < int(parameters.get("until", "100")):
            while not self.may_step.acquire(timeout=0.01):
                progress.check()
            done += 1
            progress.keep(str(done))
            progress.report(done, 100, f"step {done}")
            progress.check()
        return {"counted": done}


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
async def operations(rooms, counting):
    made = OperationsService(rooms.log, rooms.database, rooms.clock, rooms.access, CollectorRegistry())
    made.add_kind(Kind("test.count", Text("Count"), "steps", counting.run))
    made.add_kind(Kind("test.fail", Text("Fail"), "steps", lambda parameters, progress: 1 / 0))
    yield made
    await made.stop()


async def until(operations, ada, identifier, is_so):
    async with asyncio.timeout(5):
        while not is_so(  # noqa: ASYNC110 - what changes lies behind the room's door
            found := await operations.get_operation(ada, identifier)
        ):
            await asyncio.sleep(0.01)
    return found


async def test_an_operation_runs_to_its_end_and_keeps_its_result(operations, counting, ada):
    identifier = await operations.start(ada, "test.count", {})
    counting.may_step.release(100)

    found = await until(operations, ada, identifier, lambda each: each.state is State.DONE)

    assert (found.done, found.total, found.result, found.author) == (100, 100, {"counted": 100}, ada.id)
    assert found.finished is not None


async def test_a_second_one_of_a_kind_is_refused_until_the_first_has_ended(operations, counting, ada):
    identifier = await operations.start(ada, "test.count", {})
    with pytest.raises(Conflict):
        await operations.start(ada, "test.count", {})

    await operations.cancel(ada, identifier)
    await until(operations, ada, identifier, lambda each: each.state is State.CANCELLED)

    assert await operations.start(ada, "test.count", {}) != identifier


async def test_a_paused_one_goes_on_where_it_stood(operations, counting, ada):
    identifier = await operations.start(ada, "test.count", {})
    counting.may_step.release(30)
    await until(operations, ada, identifier, lambda each: each.done == 30)
    await operations.pause(ada, identifier)
    paused = await until(operations, ada, identifier, lambda each: each.state is State.PAUSED)
    counting.may_step.release(70)
    await operations.resume(ada, identifier)

    found = await until(operations, ada, identifier, lambda each: each.state is State.DONE)

    assert (paused.done, paused.note, counting.begun_at, found.done) == (30, "step 30", [0, 30], 100)


async def test_what_was_at_work_at_a_stop_goes_on_after_the_next_start(operations, counting, rooms, ada):
    identifier = await operations.start(ada, "test.count", {})
    counting.may_step.release(10)
    await until(operations, ada, identifier, lambda each: each.done == 10)
    await operations.stop()
    again = OperationsService(rooms.log, rooms.database, rooms.clock, rooms.access, CollectorRegistry())
    again.add_kind(Kind("test.count", Text("Count"), "steps", counting.run))
    counting.may_step.release(90)
    await again.start_interrupted()

    found = await until(again, ada, identifier, lambda each: each.state is State.DONE)

    assert (found.done, counting.begun_at) == (100, [0, 10])
    await again.stop()


async def test_a_failure_says_why_and_may_be_tried_again(operations, ada):
    identifier = await operations.start(ada, "test.fail", {})
    failed = await until(operations, ada, identifier, lambda each: each.state is State.FAILED)
    await operations.resume(ada, identifier)
    again = await until(operations, ada, identifier, lambda each: each.state is State.FAILED)

    assert failed.error == again.error == "division by zero"


async def test_a_refusal_says_the_way_out_too(operations, ada):
    def refuse(parameters, progress):
        raise Conflict("There is one.", fix="Name another one.")

    operations.add_kind(Kind("test.refuse", Text("Refuse"), "steps", refuse))
    identifier = await operations.start(ada, "test.refuse", {})

    failed = await until(operations, ada, identifier, lambda each: each.state is State.FAILED)

    assert failed.error == "There is one. Name another one."


async def test_only_administrators_see_and_steer_operations(operations, bob):
    for refused in (
        operations.start(bob, "test.count", {}),
        operations.get_operation(bob, "opn_x"),
        operations.pause(bob, "opn_x"),
        operations.resume(bob, "opn_x"),
        operations.cancel(bob, "opn_x"),
    ):
        with pytest.raises(Denied):
            await refused
    assert (await operations.find_operations(bob, 10, None)).items == []


async def test_what_is_not_there_or_has_ended_cannot_be_steered(operations, counting, ada):
    with pytest.raises(NotFound):
        await operations.pause(ada, "opn_x")
    with pytest.raises(Invalid):
        await operations.start(ada, "test.nothing", {})
    identifier = await operations.start(ada, "test.count", {"until": "0"})
    await until(operations, ada, identifier, lambda each: each.state is State.DONE)
    for verb in (operations.pause, operations.cancel, operations.resume):
        with pytest.raises(Conflict):
            await verb(ada, identifier)


async def test_the_list_goes_from_new_to_old_page_by_page(operations, ada, rooms):
    made = []
    for _ in range(3):
        rooms.clock.advance(timedelta(seconds=1))
        identifier = await operations.start(ada, "test.count", {"until": "0"})
        await until(operations, ada, identifier, lambda each: each.state is State.DONE)
        made.append(identifier)

    first = await operations.find_operations(ada, 2, None)
    second = await operations.find_operations(ada, 2, first.next_cursor)

    assert [each.id for each in (*first.items, *second.items)] == made[::-1]
    assert second.next_cursor is None


@pytest.mark.parametrize(
    ("done", "total", "seconds", "left"),
    [(50, 100, 10, 10), (0, 100, 10, None), (50, 0, 10, None), (50, 100, 1, None), (101, 100, 10, None)],
)
def test_the_time_left_follows_from_the_pace(done, total, seconds, left):
    assert rules.remaining_seconds(done, total, seconds) == left
