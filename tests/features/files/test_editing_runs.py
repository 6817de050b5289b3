"""Long edits in bulk are operations: done in portions, gone on with, never twice, and taken back as one."""

import asyncio
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from cloudconnect.features.auth import AccountTable
from cloudconnect.features.files import BulkDeed, BulkEdit, Condition, EditingRuns, NewItem, read_tag
from cloudconnect.features.files.errors import Braked, BulkEditGone, NoAccount, PlanDrifted
from cloudconnect.features.files.service import editing_runs
from cloudconnect.features.operations import OperationsService, State
from cloudconnect.kernel.errors import Conflict
from cloudconnect.kernel.text import Text
from cloudconnect.ports.operations import Interrupted, Kind

ANYTHING = Condition(if_match=frozenset({"*"}))
ALL = BulkEdit(where="path:/many/*", deed=BulkDeed.TRASH)
COUNT = 35


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(editing_runs, "MOST_ITEMS", 10)


class Kept:
    """Takes what would be started, so that a test runs it by itself."""

    def __init__(self):
        self.parameters = None

    async def start_own(self, principal, kind, parameters):
        assert kind == "files.edit"
        self.parameters = parameters
        return "opn_1"


class Told:
    """Follows a run, and ends it after so many portions."""

    checkpoint = ""

    def __init__(self, portions=1_000):
        self.left, self.reports, self.outcome = portions, [], {}

    def report(self, done, total, note=""):
        self.reports.append((done, total))

    def tell(self, outcome):
        self.outcome = outcome

    def check(self):
        if self.left == 0:
            raise Interrupted
        self.left -= 1


@pytest.fixture
async def many(rooms, ada):
    await rooms.intake.put_many(ada, "personal", [NewItem(f"/many/{number:02}", b"", None) for number in range(COUNT)])
    return rooms


async def plan(rooms, who, edit):
    return (await rooms.editing.plan(who, "personal", edit)).token


async def begin(rooms, who, edit):
    """Return what does *edit*, and with which parameters."""
    kept = Kept()
    runs = EditingRuns(rooms.log, rooms.database, rooms.editing, kept, AccountTable())
    done = await runs.apply(who, "personal", edit, await plan(rooms, who, edit))
    assert (done.operation, done.items) == ("opn_1", 0)
    return runs, kept.parameters


async def run(runs, parameters, told=None):
    return await asyncio.to_thread(runs.run, parameters, told or Told())


async def names(rooms, who, path="/many"):
    found = await rooms.files.find_descendants(who, "personal", path, limit=1_000)
    return [entry.name for entry in found.items]


async def test_what_one_unit_holds_is_done_at_once(many, ada):
    edit = BulkEdit(where="path:/many/0*", deed=BulkDeed.TRASH)
    runs = EditingRuns(many.log, many.database, many.editing, Kept(), AccountTable())
    done = await runs.apply(ada, "personal", edit, await plan(many, ada, edit))
    assert (done.items, done.operation) == (10, "")
    await many.history.undo(ada, "personal", token=done.undo)
    assert len(await names(many, ada)) == COUNT


@pytest.mark.parametrize(
    "edit",
    [
        ALL,
        BulkEdit(where="path:/many/*", deed=BulkDeed.MOVE, into="/into"),
        BulkEdit(where="path:/many/*", deed=BulkDeed.TAG, added=(read_tag("state", "x"),)),
    ],
    ids=lambda edit: edit.deed.value,
)
async def test_more_is_done_in_portions_and_taken_back_as_one(many, ada, edit):
    await many.files.add_folder(ada, "personal", "/into")
    runs, parameters = await begin(many, ada, edit)
    told = Told()
    outcome = await run(runs, parameters, told)
    assert (outcome["done"], outcome["passed_over"]) == (COUNT, 0)
    assert told.reports == [(done, COUNT) for done in (0, 10, 20, 30, 35)]
    assert outcome["seq"] == (await many.spaces.get_space(ada, "personal")).seq
    selected = await many.finding.find(ada, "personal", "tag:state", limit=100)
    assert (await names(many, ada), len(selected.items)) in (([], 0), (await names(many, ada), COUNT))
    await many.history.undo(ada, "personal", token=outcome["undo"])
    assert len(await names(many, ada)) == COUNT
    assert (await many.finding.find(ada, "personal", "tag:state", limit=100)).items == []


async def test_what_was_broken_off_is_gone_on_with_and_nothing_done_twice(many, ada):
    runs, parameters = await begin(many, ada, ALL)
    told = Told(2)
    with pytest.raises(Interrupted):
        await run(runs, parameters, told)
    assert (told.outcome["done"], len(await names(many, ada))) == (20, 15)
    again = EditingRuns(many.log, many.database, many.editing, Kept(), AccountTable())
    outcome = await run(again, parameters)
    assert (outcome["done"], await names(many, ada)) == (COUNT, [])
    assert await run(again, parameters) == outcome, "the daemon may die before the operation has ended"
    await many.history.undo(ada, "personal", token=outcome["undo"])
    assert len(await names(many, ada)) == COUNT


async def test_what_is_no_longer_as_planned_is_passed_over(many, ada):
    runs, parameters = await begin(many, ada, ALL)
    await many.files.move(ada, "personal", "/many/03", "/kept")
    await many.files.trash(ada, "personal", "/many/04", ANYTHING)
    await many.particulars.touch(ada, "personal", "/many/33", 5)
    outcome = await run(runs, parameters)
    assert (outcome["done"], outcome["passed_over"]) == (COUNT - 3, 3)
    assert await names(many, ada, "/") == ["kept", "many", "33"]


async def test_what_cannot_go_where_it_should_is_passed_over(many, ada):
    await many.files.add_folder(ada, "personal", "/into")
    runs, parameters = await begin(many, ada, BulkEdit(where="path:/many/*", deed=BulkDeed.MOVE, into="/into"))
    await many.files.add_folder(ada, "personal", "/into/05")
    assert (await run(runs, parameters))["passed_over"] == 1
    assert await names(many, ada) == ["05"]


async def test_a_plan_that_holds_no_longer_starts_nothing(many, ada):
    runs = EditingRuns(many.log, many.database, many.editing, Kept(), AccountTable())
    token = await plan(many, ada, ALL)
    await many.files.trash(ada, "personal", "/many/04", ANYTHING)
    with pytest.raises(PlanDrifted):
        await runs.apply(ada, "personal", ALL, token)
    with pytest.raises(PlanDrifted):
        await runs.apply(ada, "personal", ALL, await plan(many, ada, ALL), COUNT)


async def test_nobody_goes_on_for_an_account_that_is_disabled(many, ada):
    bob = await many.person("bert")
    await many.intake.put_many(bob, "personal", [NewItem(f"/many/{number}", b"", None) for number in range(20)])
    runs, parameters = await begin(many, bob, ALL)
    await many.auth.change_account(ada, bob.id, is_disabled=True)
    with pytest.raises(NoAccount):
        await run(runs, parameters)


async def test_a_session_that_was_stopped_does_no_more(many, ada, monkeypatch):
    runs, parameters = await begin(many, ada, ALL)

    def stopped(sql, principal, space):
        raise Braked

    with pytest.raises(Interrupted):
        await run(runs, parameters, Told(1))
    monkeypatch.setattr("cloudconnect.features.files.service.braking.check_free", stopped)
    with pytest.raises(Braked):
        await run(runs, parameters)
    assert len(await names(many, ada)) == COUNT - 10


async def test_one_that_is_paused_and_cancelled_tells_what_it_did_and_leaves_nothing_else(many, ada):
    operations = OperationsService(many.log, many.database, many.clock, many.access, CollectorRegistry())
    runs = EditingRuns(many.log, many.database, many.editing, operations, AccountTable())
    operations.add_kind(Kind("files.edit", Text("Edit"), "files", runs.run, is_personal=True, forget=runs.forget))
    entered, gate, do_portion = threading.Event(), threading.Event(), many.editing.do_portion

    def wait_and_do(*arguments, **options):
        entered.set()
        assert gate.wait(10)
        return do_portion(*arguments, **options)

    runs._editing = SimpleNamespace(prepare=many.editing.prepare, do_portion=wait_and_do)
    started = await runs.apply(ada, "personal", ALL, await plan(many, ada, ALL))
    assert await asyncio.to_thread(entered.wait, 10)
    await operations.pause(ada, started.operation)
    gate.set()
    await until(operations, ada, started.operation, State.PAUSED)
    with pytest.raises(Conflict):
        await runs.apply(ada, "personal", ALL, await plan(many, ada, ALL))
    assert await count_written(many) == (1, 3)

    await operations.cancel(ada, started.operation)
    found = await operations.get_operation(ada, started.operation)
    assert (found.state, found.result["done"]) == (State.CANCELLED, 10)
    assert await count_written(many) == (0, 0)
    await many.history.undo(ada, "personal", token=str(found.result["undo"]))
    assert len(await names(many, ada)) == COUNT
    await operations.stop()


async def until(operations, who, identifier, state):
    async with asyncio.timeout(10):
        while (await operations.get_operation(who, identifier)).state is not state:  # noqa: ASYNC110 - behind its door
            await asyncio.sleep(0.005)


async def count_written(rooms):
    def ask(sql):
        return tuple(sql.row(f"SELECT COUNT(*) FROM {table}")[0] for table in ("bulk_edit", "bulk_portion"))

    return await rooms.database.read(ask)


async def test_what_is_not_written_down_any_more_cannot_go_on(many, ada):
    runs, parameters = await begin(many, ada, ALL)
    await many.log.commit(lambda unit: runs.forget(unit.sql, parameters), actor=ada)
    with pytest.raises(BulkEditGone):
        await run(runs, parameters)


async def test_what_has_ended_is_forgotten_a_day_later(many, ada):
    runs, parameters = await begin(many, ada, ALL)
    await run(runs, parameters)
    many.clock.advance(timedelta(days=2))
    await many.intake.put_many(ada, "personal", [NewItem(f"/many/{number}", b"", None) for number in range(20)])
    await begin(many, ada, ALL)
    assert await count_written(many) == (1, 2)
