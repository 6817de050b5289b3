"""Edits in bulk, told through the service: first the plan, then exactly what it said."""

import dataclasses
from datetime import timedelta

import pytest

from cloudconnect.features.files import BulkDeed, BulkEdit, Condition, Field, FieldKind, read_tag
from cloudconnect.kernel.errors import Conflict, Denied, Invalid, NotFound, PreconditionFailed, PreconditionRequired
from cloudconnect.kernel.principal import Principal, PrincipalKind, Scope

ANYTHING = Condition(if_match=frozenset({"*"}))
DAY_NS = 86_400 * 10**9


def trash(where, **options):
    return BulkEdit(where=where, deed=BulkDeed.TRASH, **options)


def move(where, into, **options):
    return BulkEdit(where=where, deed=BulkDeed.MOVE, into=into, **options)


async def put(rooms, principal, path, data=b"x", **options):
    async def stream():
        yield data

    await rooms.files.put_file(principal, "personal", path, stream(), parents=True, **options)


async def paths(rooms, principal):
    page = await rooms.files.find_descendants(principal, "personal", "/", limit=1_000)
    return [entry.path for entry in page.items]


async def apply(rooms, principal, edit, token, expected=None):
    prepared = await rooms.editing.prepare(principal, "personal", edit, token, expected)
    return await rooms.editing.carry_out(principal, prepared)


async def do(rooms, principal, edit):
    plan = await rooms.editing.plan(principal, "personal", edit)
    return await apply(rooms, principal, edit, plan.token, plan.items)


async def seq(rooms, principal):
    return (await rooms.spaces.get_space(principal, "personal")).seq


@pytest.fixture
async def old(rooms, ada):
    """A folder for things of no importance, some of them older than 90 days."""
    now_ns = round(rooms.clock.now().timestamp()) * 10**9
    then = now_ns - 100 * DAY_NS
    await put(rooms, ada, "/Tmp/a/old.txt", b"12345", modified_ns=then)
    await put(rooms, ada, "/Tmp/a/new.txt", b"1", modified_ns=now_ns)
    await put(rooms, ada, "/Tmp/b/old.txt", b"123", modified_ns=then)
    await put(rooms, ada, "/keep.txt", b"1", modified_ns=then)


async def test_a_plan_tells_everything_and_does_nothing(rooms, ada, old):
    before = await seq(rooms, ada)

    plan = await rooms.editing.plan(ada, "personal", trash("path:/Tmp/** modified:>90d"))

    assert await seq(rooms, ada) == plan.seq == before
    assert (plan.items, plan.files, plan.folders, plan.logical_bytes) == (2, 2, 0, 8)
    assert plan.examples == ("/Tmp/a/old.txt", "/Tmp/b/old.txt")


async def test_what_is_done_is_what_was_planned_each_item_a_fact(rooms, ada, old):
    before = await seq(rooms, ada)

    done = await do(rooms, ada, trash("path:/Tmp/** modified:>90d"))

    assert (done.items, done.seq) == (2, before + 2)
    assert await paths(rooms, ada) == ["/Tmp", "/Tmp/a", "/Tmp/a/new.txt", "/Tmp/b", "/keep.txt"]
    trashed = (await rooms.files.find_trash(ada, "personal", 10, None)).items
    assert sorted(each.path for each in trashed) == ["/Tmp/a/old.txt", "/Tmp/b/old.txt"]


async def test_a_folder_goes_only_when_all_in_it_is_selected(rooms, ada, old):
    plan = await rooms.editing.plan(ada, "personal", trash("path:/Tmp/** -name:new.txt"))
    await do(rooms, ada, trash("path:/Tmp/** -name:new.txt"))

    assert (plan.items, plan.files, plan.folders) == (2, 2, 1)
    assert await paths(rooms, ada) == ["/Tmp", "/Tmp/a", "/Tmp/a/new.txt", "/keep.txt"]


async def test_a_recursive_edit_takes_folders_with_all_they_hold(rooms, ada, old):
    edit = trash("type:folder name:a", is_recursive=True)
    plan = await rooms.editing.plan(ada, "personal", edit)
    await do(rooms, ada, edit)

    assert (plan.items, plan.files, plan.folders, plan.logical_bytes) == (1, 2, 1, 6)
    assert await paths(rooms, ada) == ["/Tmp", "/Tmp/b", "/Tmp/b/old.txt", "/keep.txt"]


async def test_a_plan_that_drifted_is_refused_and_nothing_is_done(rooms, ada, old):
    edit = trash("path:/Tmp/**", is_recursive=True)
    plan = await rooms.editing.plan(ada, "personal", edit)
    await put(rooms, ada, "/Tmp/a/later.txt")
    before = await seq(rooms, ada)

    with pytest.raises(PreconditionFailed, match="nothing was done"):
        await apply(rooms, ada, edit, plan.token)
    assert await seq(rooms, ada) == before


async def test_a_plan_is_for_one_edit_and_one_count(rooms, ada, old):
    edit = trash("name:old.txt")
    plan = await rooms.editing.plan(ada, "personal", edit)

    with pytest.raises(PreconditionRequired):
        await apply(rooms, ada, edit, "")
    with pytest.raises(PreconditionFailed):
        await apply(rooms, ada, edit, plan.token, 3)
    with pytest.raises(PreconditionFailed):
        await apply(rooms, ada, dataclasses.replace(edit, path="/Tmp"), plan.token)
    with pytest.raises(Invalid):
        await apply(rooms, ada, edit, "nonsense")


async def test_what_changes_elsewhere_is_no_drift_and_ages_stay_those_of_the_plan(rooms, ada, old):
    edit = trash("path:/Tmp/** modified:>99d")
    plan = await rooms.editing.plan(ada, "personal", edit)
    await put(rooms, ada, "/other.txt")
    rooms.clock.advance(timedelta(days=30))

    assert (await apply(rooms, ada, edit, plan.token)).items == 2


async def test_things_move_into_a_folder(rooms, ada, old):
    await rooms.files.add_folder(ada, "personal", "/Archive")
    await do(rooms, ada, move("path:/Tmp/**", "/Archive"))

    assert await paths(rooms, ada) == [
        "/Archive",
        "/Archive/a",
        "/Archive/a/new.txt",
        "/Archive/a/old.txt",
        "/Archive/b",
        "/Archive/b/old.txt",
        "/Tmp",
        "/keep.txt",
    ]


@pytest.mark.parametrize(
    ("where", "into", "kind"),
    [
        pytest.param("name:old.txt", "/Archive", Conflict, id="two of one name"),
        pytest.param("name:keep.txt", "/", Conflict, id="one that is there already"),
        pytest.param("name:keep.txt", "/nowhere", NotFound, id="no folder"),
        pytest.param("name:keep.txt", "/Tmp/a/new.txt", Conflict, id="into a file"),
    ],
)
async def test_a_move_that_cannot_be_is_refused_as_a_plan(rooms, ada, old, where, into, kind):
    await rooms.files.add_folder(ada, "personal", "/Archive")
    with pytest.raises(kind):
        await rooms.editing.plan(ada, "personal", move(where, into))


async def test_nothing_moves_into_itself(rooms, ada, old):
    with pytest.raises(Conflict):
        await do(rooms, ada, move("path:/Tmp", "/Tmp/a", is_recursive=True))


async def test_tags_are_put_on_and_taken_off(rooms, ada, old):
    await do(rooms, ada, BulkEdit(where="type:txt", deed=BulkDeed.TAG, added=(read_tag("text", None),)))
    await do(rooms, ada, BulkEdit(where="tag:text path:/Tmp/**", deed=BulkDeed.TAG, removed=("text",)))
    done = await do(rooms, ada, BulkEdit(where="name:keep.txt", deed=BulkDeed.TAG, added=(read_tag("kept", None),)))
    found = await rooms.finding.find(ada, "personal", "tag:text", limit=10)

    assert done.seq == await seq(rooms, ada)
    assert [each.entry.path for each in found.items] == ["/keep.txt"]


async def test_a_tag_that_its_field_does_not_take_is_refused_as_a_plan(rooms, ada, old):
    await rooms.tags.set_field(ada, "personal", Field("amount", FieldKind.NUMBER))
    edit = BulkEdit(where="type:txt", deed=BulkDeed.TAG, added=(read_tag("amount", "much"),))
    with pytest.raises(Invalid):
        await rooms.editing.plan(ada, "personal", edit)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(trash(""), id="everything"),
        pytest.param(trash("a in:trash"), id="the trash"),
        pytest.param(trash("a at:3h"), id="the past"),
        pytest.param(trash("a", into="/b"), id="removing into a folder"),
        pytest.param(move("a", ""), id="moving nowhere"),
        pytest.param(BulkEdit(where="a", deed=BulkDeed.TAG), id="tagging without tags"),
    ],
)
async def test_an_edit_that_makes_no_sense_is_refused(rooms, ada, edit):
    with pytest.raises(Invalid):
        await rooms.editing.plan(ada, "personal", edit)


async def test_only_who_may_write_edits(rooms, ada, bob, old):
    reader = Principal(ada.id, PrincipalKind.PERSON, "ada", scopes=frozenset({Scope.FILES_READ}))
    space = (await rooms.spaces.get_space(ada, "personal")).id
    with pytest.raises(Denied):
        await rooms.editing.plan(reader, "personal", trash("name:old.txt"))
    with pytest.raises(NotFound):
        await rooms.editing.plan(bob, space, trash("name:old.txt"))


async def test_what_changes_after_the_last_look_undoes_all_of_it(rooms, ada, old):
    plan = await rooms.editing.plan(ada, "personal", trash("path:/Tmp/**", is_recursive=True))
    prepared = await rooms.editing.prepare(ada, "personal", trash("path:/Tmp/**", is_recursive=True), plan.token)
    await put(rooms, ada, f"{prepared.items[-1].path}/later.txt" if prepared.items[-1].is_folder else "/x")
    await rooms.files.move(ada, "personal", prepared.items[-1].path, "/elsewhere")
    before = await paths(rooms, ada)
    with pytest.raises(PreconditionFailed, match="nothing was done"):
        await rooms.editing.carry_out(ada, prepared)
    assert await paths(rooms, ada) == before
