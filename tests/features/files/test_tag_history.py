"""Undoing what was said about files: tags come back, go again, and never those of somebody else."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.features.files import BulkDeed, BulkEdit, Condition, Deeds, read_tag
from cloudconnect.features.files.errors import CannotUndo, NothingToUndo
from cloudconnect.features.files.moments import Obstacle
from cloudconnect.kernel.errors import CloudConnectError, NotFound

ANYTHING = Condition(if_match=frozenset({"*"}))


async def stream(data):
    yield data


async def put(rooms, principal, path):
    return await rooms.files.put_file(principal, "personal", path, stream(b"x"), parents=True)


def read(text):
    name, sign, value = text.partition("=")
    return read_tag(name, value if sign else None)


async def tag(rooms, principal, path, *added, removed=()):
    return await rooms.tags.change_tags(principal, "personal", path, [read(text) for text in added], list(removed))


async def tags(rooms, principal, path):
    return {each.name: each.value.text for each in await rooms.tags.find_tags(principal, "personal", path)}


async def undo(rooms, principal, token=None, **options):
    return await rooms.history.undo(principal, "personal", token=None if token is None else str(token), **options)


async def test_a_tag_is_taken_off_again_by_its_token_and_put_back_by_the_next(rooms, ada):
    await put(rooms, ada, "/a")
    await tag(rooms, ada, "/a", "state=open", "kept")
    change = await tag(rooms, ada, "/a", "state=paid", "invoice", removed=["kept"])

    assert (await undo(rooms, ada, change.undo, is_dry_run=True)).retagged == 1
    undone = await undo(rooms, ada, change.undo)
    assert undone.retagged == 1
    assert await tags(rooms, ada, "/a") == {"state": "open", "kept": ""}

    again = await undo(rooms, ada, undone.undo)
    assert await tags(rooms, ada, "/a") == {"state": "paid", "invoice": ""}
    await undo(rooms, ada, again.undo)
    assert await tags(rooms, ada, "/a") == {"state": "open", "kept": ""}


async def test_what_changes_nothing_has_no_token(rooms, ada):
    await put(rooms, ada, "/a")
    await tag(rooms, ada, "/a", "x")
    assert (await tag(rooms, ada, "/a", "x")).undo == ""


async def test_the_last_change_is_the_tag_and_then_the_file(rooms, ada):
    await put(rooms, ada, "/a")
    await tag(rooms, ada, "/a", "x")
    assert [each.kind for each in await rooms.history.find_undoable(ada, "personal", 10)] == [
        "files.tagged",
        "files.file-written",
    ]
    await undo(rooms, ada)
    assert await tags(rooms, ada, "/a") == {}
    with pytest.raises(NothingToUndo):
        await rooms.history.rollback(ada, "personal", Deeds(actor="usr_nobody"))
    assert (await undo(rooms, ada)).trashed == 1


async def test_a_tag_that_was_changed_since_is_left_and_named(rooms, ada):
    await put(rooms, ada, "/a")
    first = await tag(rooms, ada, "/a", "state=open", "x")
    await tag(rooms, ada, "/a", "state=paid")
    with pytest.raises(CannotUndo, match="/a"):
        await undo(rooms, ada, first.undo)
    done = await undo(rooms, ada, first.undo, skip=True)
    assert [(each.path, each.obstacle) for each in done.hindrances] == [("/a", Obstacle.CHANGED)]
    assert await tags(rooms, ada, "/a") == {"state": "paid"}


async def test_undoing_a_copy_and_that_again_gives_its_tags_back(rooms, ada):
    await put(rooms, ada, "/a")
    await tag(rooms, ada, "/a", "x=1")
    copied = await rooms.files.copy(ada, "personal", "/a", "/b")
    assert await tags(rooms, ada, "/b") == {"x": "1"}
    undone = await undo(rooms, ada, copied.undo)
    await undo(rooms, ada, undone.undo)
    assert await tags(rooms, ada, "/b") == {"x": "1"}


async def test_a_rollback_takes_tags_back_only_where_it_is_asked(rooms, ada):
    for path in ("/in/a", "/out/b"):
        await put(rooms, ada, path)
    before = (await rooms.spaces.get_space(ada, "personal")).seq
    for path in ("/in/a", "/out/b"):
        await tag(rooms, ada, path, "x")
    done = await rooms.history.rollback(ada, "personal", Deeds(since=str(before), path="/in"))
    assert done.retagged == 1
    assert (await tags(rooms, ada, "/in/a"), await tags(rooms, ada, "/out/b")) == ({}, {"x": ""})


async def test_tags_set_in_bulk_are_taken_back_at_once(rooms, ada):
    for path in ("/a", "/b", "/c"):
        await put(rooms, ada, path)
    await tag(rooms, ada, "/a", "x=0")
    edit = BulkEdit(where="type:file", deed=BulkDeed.TAG, added=(read("x=1"),))
    plan = await rooms.editing.plan(ada, "personal", edit)
    done = await rooms.editing.carry_out(ada, await rooms.editing.prepare(ada, "personal", edit, plan.token))
    assert await tags(rooms, ada, "/c") == {"x": "1"}
    assert (await undo(rooms, ada, done.undo)).retagged == 3
    assert [await tags(rooms, ada, path) for path in ("/a", "/b", "/c")] == [{"x": "0"}, {}, {}]


async def test_strangers_take_no_tags_back(rooms, ada, bob):
    await put(rooms, ada, "/a")
    change = await tag(rooms, ada, "/a", "x")
    space = await rooms.spaces.get_space(ada, "personal")
    with pytest.raises(NotFound):
        await rooms.history.undo(bob, space.id, token=change.undo)
    assert await tags(rooms, ada, "/a") == {"x": ""}


steps = st.lists(
    st.tuples(
        st.sampled_from(["tag", "untag", "move", "trash", "undo"]),
        st.sampled_from("ab"),
        st.sampled_from(["x", "x=1", "x=2", "y"]),
    ),
    max_size=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
@pytest.mark.slow
async def test_undoing_everything_and_that_again_gives_every_tag_back(rooms, chosen):
    rooms.people = getattr(rooms, "people", 0) + 1
    who = await rooms.person(f"person-{rooms.people}")
    for name in "ab":
        await put(rooms, who, f"/{name}")
    await tag(rooms, who, "/a", "x=0")
    rooms.clock.advance(timedelta(seconds=1))
    start = await _seen(rooms, who)
    before = (await rooms.spaces.get_space(who, "personal")).seq
    for what, name, text in chosen:
        await _do(rooms, who, what, name, text)
    end = await _seen(rooms, who)
    if (await rooms.spaces.get_space(who, "personal")).seq == before:
        return
    try:
        undone = await rooms.history.rollback(who, "personal", Deeds(since=str(before)))
    except NothingToUndo:
        assert start == end
        return
    assert await _seen(rooms, who) == start
    await undo(rooms, who, undone.undo)
    assert await _seen(rooms, who) == end


async def _do(rooms, who, what, name, text):
    try:
        match what:
            case "tag":
                await tag(rooms, who, f"/{name}", text)
            case "untag":
                await tag(rooms, who, f"/{name}", removed=[text.partition("=")[0]])
            case "move":
                await rooms.files.move(who, "personal", f"/{name}", f"/{name}{name}")
            case "trash":
                await rooms.files.trash(who, "personal", f"/{name}", ANYTHING)
            case _:
                await undo(rooms, who)
    except CloudConnectError:
        pass


async def _seen(rooms, who):
    found = {}
    for name in ("a", "b", "aa", "bb"):
        try:
            found[name] = await tags(rooms, who, f"/{name}")
        except NotFound:
            found[name] = None
    return found


async def seq(rooms, principal):
    return str((await rooms.spaces.get_space(principal, "personal")).seq)


async def test_a_folder_as_it_was_has_the_tags_that_it_had(rooms, ada):
    for path in ("/a/changed", "/a/removed", "/a/untouched"):
        await put(rooms, ada, path)
        await tag(rooms, ada, path, "state=open", "kept")
    then = await seq(rooms, ada)
    await tag(rooms, ada, "/a", "new")
    await tag(rooms, ada, "/a/changed", "state=paid", "new", removed=["kept"])
    await tag(rooms, ada, "/a/removed", removed=["state"])
    await rooms.files.trash(ada, "personal", "/a/removed", ANYTHING)

    planned = await rooms.returning.give_back(ada, "personal", "/a", then, is_dry_run=True)
    done = await rooms.returning.give_back(ada, "personal", "/a", then)
    assert planned.retagged == done.retagged == 3
    assert await tags(rooms, ada, "/a") == {}
    for path in ("/a/changed", "/a/removed", "/a/untouched"):
        assert await tags(rooms, ada, path) == {"state": "open", "kept": ""}

    await undo(rooms, ada, done.undo)
    assert await tags(rooms, ada, "/a") == {"new": ""}
    assert await tags(rooms, ada, "/a/changed") == {"state": "paid", "new": ""}


async def test_tags_alone_are_enough_to_give_back(rooms, ada):
    await put(rooms, ada, "/a")
    then = await seq(rooms, ada)
    await tag(rooms, ada, "/a", "x")
    assert (await rooms.returning.give_back(ada, "personal", "/a", then)).retagged == 1
    assert await tags(rooms, ada, "/a") == {}
    with pytest.raises(NothingToUndo):
        await rooms.returning.give_back(ada, "personal", "/a", then)


async def test_a_copy_that_comes_for_what_is_elsewhere_has_the_tags_of_then(rooms, ada):
    await put(rooms, ada, "/a/b")
    await tag(rooms, ada, "/a/b", "state=open")
    then = await seq(rooms, ada)
    await rooms.files.move(ada, "personal", "/a/b", "/b")
    await tag(rooms, ada, "/b", "state=paid")
    done = await rooms.returning.give_back(ada, "personal", "/a", then)
    assert (done.copied, done.retagged) == (1, 1)
    assert await tags(rooms, ada, "/a/b") == {"state": "open"}
    assert await tags(rooms, ada, "/b") == {"state": "paid"}


@pytest.fixture
async def returned(rooms, ada):
    """Give back a file that was trashed with other tags than it has at that moment."""
    put_in = await put(rooms, ada, "/a")
    await tag(rooms, ada, "/a", "state=open", "old")
    then = await seq(rooms, ada)
    await tag(rooms, ada, "/a", "state=paid", removed=["old"])
    await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    done = await rooms.returning.give_back(ada, "personal", "/a", then)
    assert await tags(rooms, ada, "/a") == {"state": "open", "old": ""}
    return put_in.entry.node, done.undo


async def test_what_goes_back_into_the_trash_has_the_tags_it_was_trashed_with(rooms, ada, returned):
    node, token = returned
    assert (await undo(rooms, ada, token, is_dry_run=True)).retagged == 1
    undone = await undo(rooms, ada, token)
    assert (undone.trashed, undone.retagged) == (1, 1)

    await rooms.files.restore(ada, "personal", node)
    assert await tags(rooms, ada, "/a") == {"state": "paid"}


async def test_undoing_that_again_gives_the_tags_of_then(rooms, ada, returned):
    undone = await undo(rooms, ada, returned[1])
    again = await undo(rooms, ada, undone.undo)
    assert await tags(rooms, ada, "/a") == {"state": "open", "old": ""}

    await undo(rooms, ada, again.undo)
    await rooms.files.restore(ada, "personal", returned[0])
    assert await tags(rooms, ada, "/a") == {"state": "paid"}


async def test_what_was_said_since_goes_into_the_trash_with_it(rooms, ada, returned):
    await tag(rooms, ada, "/a", "state=late", "more")
    undone = await undo(rooms, ada, returned[1])
    assert (undone.trashed, undone.hindered) == (1, 0)

    await rooms.files.restore(ada, "personal", returned[0])
    assert await tags(rooms, ada, "/a") == {"state": "late", "more": ""}
