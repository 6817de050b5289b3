"""Moments have names, are compared, and come back."""

from datetime import timedelta

import pytest

from cloudconnect.features.files import Condition, held_seqs
from cloudconnect.kernel.errors import Conflict, Denied, Invalid, NotFound

ANYTHING = Condition(if_match=frozenset({"*"}))


async def stream(data):
    yield data


async def put(rooms, principal, path, data=b"content"):
    condition = ANYTHING
    try:
        await rooms.files.get_entry(principal, "personal", path)
    except NotFound:
        condition = Condition()
    return await rooms.files.put_file(principal, "personal", path, stream(data), condition=condition, parents=True)


async def trash(rooms, principal, path):
    return await rooms.files.trash(principal, "personal", path, ANYTHING)


async def move(rooms, principal, source, target):
    return await rooms.files.move(principal, "personal", source, target)


async def listing(rooms, principal, at=None):
    page = await rooms.files.find_descendants(principal, "personal", "/", at=at, limit=1000)
    return {entry.path: entry.sha256 for entry in page.items}


async def seq(rooms, principal):
    return f"seq:{(await rooms.spaces.get_space(principal, 'personal')).seq}"


async def differences(rooms, principal, first, second=None, path="/", limit=100):
    found, cursor = [], None
    while True:
        page = await rooms.comparing.find_differences(
            principal, "personal", first, second, path, limit=limit, cursor=cursor
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return [(each.how.value, each.before, each.after) for each in found]


async def give_back(rooms, principal, path, at, **options):
    return await rooms.returning.give_back(principal, "personal", path, at, **options)


# Snapshots


async def test_a_name_stands_wherever_a_moment_can(rooms, ada):
    await put(rooms, ada, "/a.txt")
    made = (await rooms.snapshots.add_snapshot(ada, "personal", "before the move")).value
    await move(rooms, ada, "/a.txt", "/b.txt")
    for at in ("before the move", "@before the move", "snapshot:before the move"):
        assert list(await listing(rooms, ada, at)) == ["/a.txt"]
    found = await rooms.snapshots.find_snapshots(ada, "personal", 10, None)
    assert found.items == [made]
    space = await rooms.spaces.get_space(ada, "personal")
    assert await rooms.database.read(lambda sql: held_seqs(sql, space.id)) == [made.seq]


async def test_a_moment_of_the_past_can_be_named(rooms, ada):
    await put(rooms, ada, "/a.txt")
    rooms.clock.advance(timedelta(hours=2))
    await put(rooms, ada, "/b.txt")
    made = (await rooms.snapshots.add_snapshot(ada, "personal", "early", "1h")).value
    assert list(await listing(rooms, ada, "early")) == ["/a.txt"]
    assert made.at < made.created
    with pytest.raises(Invalid):
        await rooms.snapshots.add_snapshot(ada, "personal", "never", "2020-01-01")
    with pytest.raises(Invalid):
        await rooms.snapshots.add_snapshot(ada, "personal", "later", "seq:999999")


async def test_a_name_is_there_once_and_goes_when_it_is_removed(rooms, ada):
    await put(rooms, ada, "/a.txt")
    await rooms.snapshots.add_snapshot(ada, "personal", "one")
    with pytest.raises(Conflict):
        await rooms.snapshots.add_snapshot(ada, "personal", "one")
    await rooms.snapshots.remove_snapshot(ada, "personal", "one")
    with pytest.raises(NotFound):
        await rooms.snapshots.remove_snapshot(ada, "personal", "one")
    with pytest.raises(Invalid):
        await listing(rooms, ada, "one")


@pytest.mark.parametrize("name", ["", "3h", "today", "seq:5", "120", "a/b", "-x", "2026-01-01", "a\0b", "x" * 101])
async def test_what_is_a_moment_or_no_name_cannot_be_one(rooms, ada, name):
    await put(rooms, ada, "/a.txt")
    with pytest.raises(Invalid):
        await rooms.snapshots.add_snapshot(ada, "personal", name)


async def test_names_are_listed_in_pages(rooms, ada):
    await put(rooms, ada, "/a.txt")
    for name in ("c", "a", "b"):
        await rooms.snapshots.add_snapshot(ada, "personal", name)
    first = await rooms.snapshots.find_snapshots(ada, "personal", 2, None)
    second = await rooms.snapshots.find_snapshots(ada, "personal", 2, first.next_cursor)
    assert [each.name for each in (*first.items, *second.items)] == ["a", "b", "c"]


async def test_who_may_not_see_a_space_learns_none_of_its_names(rooms, ada, bob):
    await put(rooms, ada, "/a.txt")
    await rooms.snapshots.add_snapshot(ada, "personal", "secret")
    space = (await rooms.spaces.get_space(ada, "personal")).id
    refusals = []
    for at in ("secret", "guess"):
        with pytest.raises(NotFound) as refused:
            await rooms.files.get_entry(bob, space, "/a.txt", at)
        refusals.append((refused.value.code, str(refused.value)))
    assert refusals[0] == refusals[1]
    with pytest.raises((Denied, NotFound)):
        await rooms.snapshots.find_snapshots(bob, space, 10, None)


# Comparing


async def test_what_came_went_changed_and_moved_is_told(rooms, ada):
    for path in ("/same.txt", "/gone.txt", "/changed.txt", "/moved.txt", "/folder/in.txt", "/old/deep.txt"):
        await put(rooms, ada, path)
    before = await seq(rooms, ada)
    await trash(rooms, ada, "/gone.txt")
    await put(rooms, ada, "/changed.txt", b"other")
    await move(rooms, ada, "/moved.txt", "/elsewhere.txt")
    await put(rooms, ada, "/new.txt")
    await move(rooms, ada, "/folder", "/renamed")
    await put(rooms, ada, "/renamed/in.txt", b"other")
    await put(rooms, ada, "/fleeting.txt")
    await trash(rooms, ada, "/fleeting.txt")
    await put(rooms, ada, "/old/deep.txt", b"other")
    await trash(rooms, ada, "/old")
    expected = [
        ("removed", "/gone.txt", None),
        ("modified", "/changed.txt", "/changed.txt"),
        ("moved", "/moved.txt", "/elsewhere.txt"),
        ("added", None, "/new.txt"),
        ("moved", "/folder", "/renamed"),
        ("modified", "/folder/in.txt", "/renamed/in.txt"),
        ("removed", "/old/deep.txt", None),
        ("removed", "/old", None),
    ]
    assert await differences(rooms, ada, before) == expected
    assert await differences(rooms, ada, before, limit=1) == expected
    summary = await rooms.comparing.summarise(ada, "personal", before, None)
    assert list(summary.counts.values()) == [1, 3, 2, 2]


async def test_compared_the_other_way_round_it_is_the_other_way_round(rooms, ada):
    await put(rooms, ada, "/a.txt")
    early = await seq(rooms, ada)
    await put(rooms, ada, "/b.txt")
    await move(rooms, ada, "/a.txt", "/c.txt")
    late = await seq(rooms, ada)
    assert await differences(rooms, ada, late, early) == [("removed", "/b.txt", None), ("moved", "/c.txt", "/a.txt")]
    assert await differences(rooms, ada, late, early, limit=1) == await differences(rooms, ada, late, early)
    assert await differences(rooms, ada, late, late) == []


async def test_only_what_lies_at_the_path_is_told(rooms, ada):
    await put(rooms, ada, "/in/a.txt")
    await put(rooms, ada, "/inner.txt")
    before = await seq(rooms, ada)
    await move(rooms, ada, "/in/a.txt", "/a.txt")
    await move(rooms, ada, "/inner.txt", "/in/inner.txt")
    await put(rooms, ada, "/other.txt")
    assert await differences(rooms, ada, before, path="/in") == [
        ("removed", "/in/a.txt", None),
        ("added", None, "/in/inner.txt"),
    ]
    with pytest.raises(NotFound):
        await differences(rooms, ada, before, path="/never")


# Giving back


async def test_a_folder_is_given_back_as_it_was_and_then_taken_back_again(rooms, ada):
    for path in ("/a/keep.txt", "/a/change.txt", "/a/gone.txt", "/a/sub/deep.txt", "/a/rename.txt"):
        await put(rooms, ada, path)
    await put(rooms, ada, "/other.txt")
    then, past = await seq(rooms, ada), await listing(rooms, ada)
    await put(rooms, ada, "/a/change.txt", b"other")
    await trash(rooms, ada, "/a/gone.txt")
    await move(rooms, ada, "/a/rename.txt", "/a/sub/renamed.txt")
    await move(rooms, ada, "/a/sub", "/a/new-folder")
    await put(rooms, ada, "/a/new.txt")
    now = await listing(rooms, ada)
    planned = await give_back(rooms, ada, "/a", then, is_dry_run=True)
    done = await give_back(rooms, ada, "/a", then)
    assert await listing(rooms, ada) == past
    assert (done.trashed, done.restored, done.moved, done.rewritten, done.copied) == (1, 1, 2, 1, 0)
    assert (planned.moved, planned.bytes, planned.undo) == (done.moved, done.bytes, None)
    await rooms.history.undo(ada, "personal", token=str(done.undo))
    assert await listing(rooms, ada) == now


async def test_what_is_new_may_stay(rooms, ada):
    await put(rooms, ada, "/a/old.txt")
    then = await seq(rooms, ada)
    await trash(rooms, ada, "/a/old.txt")
    await put(rooms, ada, "/a/new.txt")
    await give_back(rooms, ada, "/a", then, keep_new=True)
    assert list(await listing(rooms, ada)) == ["/a", "/a/new.txt", "/a/old.txt"]


async def test_what_is_elsewhere_by_now_stays_there_and_a_copy_comes(rooms, ada):
    await put(rooms, ada, "/a/sub/deep.txt", b"one")
    then = await seq(rooms, ada)
    await move(rooms, ada, "/a/sub", "/sub")
    await put(rooms, ada, "/sub/deep.txt", b"two")
    done = await give_back(rooms, ada, "/a", then)
    assert done.copied == 2
    assert list(await listing(rooms, ada)) == ["/a", "/a/sub", "/a/sub/deep.txt", "/sub", "/sub/deep.txt"]
    assert (await rooms.files.get_entry(ada, "personal", "/a/sub/deep.txt")).sha256 != (
        await rooms.files.get_entry(ada, "personal", "/sub/deep.txt")
    ).sha256
    assert (await rooms.spaces.get_space(ada, "personal")).used_bytes == 6
    await rooms.history.undo(ada, "personal", token=str(done.undo))
    assert list(await listing(rooms, ada)) == ["/a", "/sub", "/sub/deep.txt"]


async def test_a_removed_folder_comes_without_what_it_got_later(rooms, ada):
    await put(rooms, ada, "/a/old.txt")
    then, past = await seq(rooms, ada), await listing(rooms, ada)
    await put(rooms, ada, "/a/new.txt")
    await trash(rooms, ada, "/a")
    await give_back(rooms, ada, "/a", then)
    assert await listing(rooms, ada) == past


async def test_what_took_the_place_goes_to_the_trash(rooms, ada):
    await put(rooms, ada, "/a", b"a file")
    then, past = await seq(rooms, ada), await listing(rooms, ada)
    await trash(rooms, ada, "/a")
    await put(rooms, ada, "/a/b.txt", b"a folder now")
    with pytest.raises(Conflict, match="has the name"):
        await give_back(rooms, ada, "/a", then, keep_new=True)
    await give_back(rooms, ada, "/a", then)
    assert await listing(rooms, ada) == past


async def test_a_whole_space_goes_back(rooms, ada):
    await put(rooms, ada, "/a/b.txt")
    then, past = await seq(rooms, ada), await listing(rooms, ada)
    await move(rooms, ada, "/a/b.txt", "/c.txt")
    await trash(rooms, ada, "/a")
    await put(rooms, ada, "/d/e.txt")
    await give_back(rooms, ada, "/", then)
    assert await listing(rooms, ada) == past


async def test_nothing_is_done_where_nothing_differs_or_nothing_was(rooms, ada):
    await put(rooms, ada, "/a/b.txt")
    then = await seq(rooms, ada)
    with pytest.raises(Conflict, match="as it was"):
        await give_back(rooms, ada, "/a", then)
    with pytest.raises(NotFound):
        await give_back(rooms, ada, "/never", then)
    await trash(rooms, ada, "/a")
    with pytest.raises(Conflict, match="does not exist"):
        await give_back(rooms, ada, "/a/b.txt", then)
