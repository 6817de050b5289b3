"""What was done can be taken back, and what cannot is named."""

from datetime import timedelta

import pytest

from cloudconnect.features.files import Condition, NewItem
from cloudconnect.features.files.moments import Deeds, Obstacle
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.errors import Conflict, Denied, Invalid, NotFound
from cloudconnect.kernel.principal import Principal, PrincipalKind
from cloudconnect.ports.access import Resource, Role

ANYTHING = Condition(if_match=frozenset({"*"}))


async def stream(data):
    yield data


async def put(rooms, principal, path, data=b"content", space="personal"):
    return await rooms.files.put_file(principal, space, path, stream(data), condition=ANYTHING, parents=True)


async def put_new(rooms, principal, path, data=b"content"):
    return await rooms.files.put_file(principal, "personal", path, stream(data), parents=True)


async def listing(rooms, principal, at=None):
    page = await rooms.files.find_descendants(principal, "personal", "/", at=at, limit=1000)
    return {entry.path: entry.sha256 for entry in page.items}


def new(path):
    return NewItem(path, b"content", None)


async def undo(rooms, principal, token=None, **options):
    return await rooms.history.undo(principal, "personal", token=token, **options)


async def obstacles(rooms, principal, token):
    planned = await undo(rooms, principal, token, is_dry_run=True)
    return {each.path: each.obstacle for each in planned.hindrances}


async def used(rooms, principal):
    space = await rooms.spaces.get_space(principal, "personal")
    wrong = await rooms.database.read(spaces.find_miscounted)
    assert wrong == []
    return space.used_bytes


async def test_a_new_file_goes_to_the_trash_and_comes_back_with_the_undo_of_that(rooms, ada):
    made = await put_new(rooms, ada, "/a/b/c.txt")
    undone = await undo(rooms, ada, made.undo)
    assert await listing(rooms, ada) == {}
    # One thing lies there, not three: what was made together goes together.
    assert len((await rooms.files.find_trash(ada, "personal", 10, None)).items) == 1
    await undo(rooms, ada, str(undone.undo))
    assert list(await listing(rooms, ada)) == ["/a", "/a/b", "/a/b/c.txt"]
    assert (await rooms.files.find_trash(ada, "personal", 10, None)).items == []


async def test_a_new_content_gives_way_to_the_one_before(rooms, ada):
    first = await put_new(rooms, ada, "/a.txt", b"one")
    second = await put(rooms, ada, "/a.txt", b"second")
    await undo(rooms, ada, second.undo)
    entry = await rooms.files.get_entry(ada, "personal", "/a.txt")
    assert (entry.etag, entry.sha256) == (first.entry.etag, first.entry.sha256)
    assert await used(rooms, ada) == 3


async def test_what_was_removed_comes_back_whole(rooms, ada):
    await put_new(rooms, ada, "/a/b/c.txt")
    gone = await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    await undo(rooms, ada, gone.undo)
    assert list(await listing(rooms, ada)) == ["/a", "/a/b", "/a/b/c.txt"]


async def test_a_move_that_replaced_something_gives_both_back(rooms, ada):
    await put_new(rooms, ada, "/a.txt", b"one")
    await put_new(rooms, ada, "/b.txt", b"two")
    before = await listing(rooms, ada)
    moved = await rooms.files.move(ada, "personal", "/a.txt", "/b.txt", replace=True)
    await undo(rooms, ada, moved.undo)
    assert await listing(rooms, ada) == before


async def test_two_names_that_were_swapped_are_swapped_back_in_one_step(rooms, ada):
    await put_new(rooms, ada, "/a.txt", b"one")
    await put_new(rooms, ada, "/b.txt", b"two")
    before = await listing(rooms, ada)
    for source, target in (("/a.txt", "/c.txt"), ("/b.txt", "/a.txt"), ("/c.txt", "/b.txt")):
        await rooms.files.move(ada, "personal", source, target)
    done = await undo(rooms, ada, last=3)
    assert (done.moved, done.hindered) == (2, 0)
    assert await listing(rooms, ada) == before


async def test_folders_that_went_into_each_other_come_apart(rooms, ada):
    await rooms.files.add_folder(ada, "personal", "/a/b", parents=True)
    before = await listing(rooms, ada)
    await rooms.files.move(ada, "personal", "/a/b", "/b")
    await rooms.files.move(ada, "personal", "/a", "/b/a")
    await undo(rooms, ada, last=2)
    assert await listing(rooms, ada) == before


async def test_a_folder_that_was_removed_after_its_child_moved_out_gets_it_back(rooms, ada):
    await put_new(rooms, ada, "/a/one.txt")
    await rooms.files.move(ada, "personal", "/a/one.txt", "/one.txt")
    await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    await undo(rooms, ada, last=2)
    assert list(await listing(rooms, ada)) == ["/a", "/a/one.txt"]


async def test_what_was_changed_later_stays_and_is_named(rooms, ada):
    first = await put_new(rooms, ada, "/a.txt", b"one")
    await put(rooms, ada, "/a.txt", b"two")
    before = await listing(rooms, ada)
    with pytest.raises(Conflict, match="was changed later"):
        await undo(rooms, ada, first.undo)
    with pytest.raises(Conflict):
        await undo(rooms, ada, first.undo, skip=True)
    assert await listing(rooms, ada) == before
    assert await obstacles(rooms, ada, first.undo) == {"/a.txt": Obstacle.CHANGED}


async def test_the_rest_is_put_back_when_asked(rooms, ada):
    both = await rooms.intake.put_many(ada, "personal", [new("/a.txt"), new("/b.txt")])
    await put(rooms, ada, "/a.txt", b"later")
    done = await undo(rooms, ada, both.undo, skip=True)
    assert (done.trashed, done.hindered) == (1, 1)
    assert list(await listing(rooms, ada)) == ["/a.txt"]


async def test_a_change_that_was_taken_back_is_not_in_the_way(rooms, ada):
    first = await put_new(rooms, ada, "/a.txt", b"one")
    second = await put(rooms, ada, "/a.txt", b"two")
    await undo(rooms, ada, second.undo)
    await undo(rooms, ada, first.undo)
    assert await listing(rooms, ada) == {}


async def test_a_name_that_something_else_took_is_not_taken_from_it(rooms, ada):
    await put_new(rooms, ada, "/a.txt", b"one")
    gone = await rooms.files.trash(ada, "personal", "/a.txt", ANYTHING)
    await put_new(rooms, ada, "/a.txt", b"other")
    assert await obstacles(rooms, ada, gone.undo) == {"/a.txt": Obstacle.NAME_TAKEN}


async def test_nothing_is_put_into_a_folder_that_is_gone(rooms, ada):
    await put_new(rooms, ada, "/a/one.txt")
    moved = await rooms.files.move(ada, "personal", "/a/one.txt", "/one.txt")
    await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    assert await obstacles(rooms, ada, moved.undo) == {"/one.txt": Obstacle.FOLDER_GONE}


async def test_no_folder_is_put_below_itself(rooms, ada):
    await rooms.files.add_folder(ada, "personal", "/a/b", parents=True)
    moved = await rooms.files.move(ada, "personal", "/a/b", "/b")
    await rooms.files.move(ada, "personal", "/a", "/b/a")
    assert await obstacles(rooms, ada, moved.undo) == {"/b": Obstacle.INTO_ITSELF}


async def test_a_folder_is_not_removed_with_what_came_later(rooms, ada):
    made = await put_new(rooms, ada, "/a/one.txt")
    await put_new(rooms, ada, "/a/two.txt")
    assert await obstacles(rooms, ada, made.undo) == {"/a": Obstacle.HOLDS_NEWER}
    await undo(rooms, ada, made.undo, skip=True)
    assert list(await listing(rooms, ada)) == ["/a", "/a/two.txt"]


async def test_a_folder_that_came_back_is_not_removed_with_what_came_later(rooms, ada):
    await put_new(rooms, ada, "/a/b/one.txt")
    gone = await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    back = await rooms.files.restore(ada, "personal", gone.trashed.node)
    await put_new(rooms, ada, "/a/b/two.txt")
    assert await obstacles(rooms, ada, back.undo) == {"/a": Obstacle.HOLDS_NEWER}


async def test_the_last_of_ones_own_that_are_not_undone_are_taken_back(rooms, ada, bob):
    await put_new(rooms, ada, "/1.txt")
    await put_new(rooms, ada, "/2.txt")
    await put_new(rooms, ada, "/3.txt")
    await undo(rooms, ada)
    await undo(rooms, ada)
    assert list(await listing(rooms, ada)) == ["/1.txt"]
    assert [each.path for each in await rooms.history.find_undoable(ada, "personal", 10)] == ["/1.txt"]
    await undo(rooms, ada)
    with pytest.raises(Conflict, match="nothing to undo"):
        await undo(rooms, ada)


async def test_a_change_whose_undo_was_undone_counts_again(rooms, ada):
    await put_new(rooms, ada, "/1.txt")
    undone = await undo(rooms, ada)
    await undo(rooms, ada, str(undone.undo))
    assert [each.path for each in await rooms.history.find_undoable(ada, "personal", 10)] == ["/1.txt"]
    await undo(rooms, ada)
    assert await listing(rooms, ada) == {}


async def test_a_token_holds_for_a_time(rooms, ada):
    made = await put_new(rooms, ada, "/1.txt")
    rooms.clock.advance(timedelta(days=31))
    with pytest.raises(Conflict, match="30 days"):
        await undo(rooms, ada, made.undo)
    assert await rooms.history.find_undoable(ada, "personal", 10) == []


@pytest.mark.parametrize("token", ["", "nonsense", "spc_1.5", "spc_1.9-5", "spc_1.0-1", "spc_1.1-2,,3-4"])
async def test_what_is_no_token_is_refused(rooms, ada, token):
    with pytest.raises(Invalid):
        await undo(rooms, ada, token)


async def test_a_token_of_another_space_is_refused(rooms, ada, bob):
    made = await put_new(rooms, bob, "/1.txt")
    with pytest.raises(Invalid):
        await undo(rooms, ada, made.undo)
    with pytest.raises(NotFound):
        await rooms.history.undo(ada, made.undo.partition(".")[0], token=made.undo)


async def test_the_root_stays_whatever_is_undone(rooms, ada):
    made = await put_new(rooms, ada, "/1.txt")
    await undo(rooms, ada, made.undo.partition(".")[0] + ".1-2")
    assert await listing(rooms, ada) == {}
    with pytest.raises(Conflict):
        await undo(rooms, ada, made.undo.partition(".")[0] + ".1-1")


async def test_all_that_a_session_did_is_taken_back_and_no_more(rooms, ada):
    thief = Principal(ada.id, PrincipalKind.PERSON, "ada", credential="ses_thief")
    await put_new(rooms, ada, "/a/one.txt", b"one")
    await put_new(rooms, ada, "/a/two.txt", b"two")
    before = await listing(rooms, ada)
    await put(rooms, thief, "/a/one.txt", b"scrambled")
    await rooms.files.move(thief, "personal", "/a/one.txt", "/a/one.locked")
    await rooms.files.trash(thief, "personal", "/a/two.txt", ANYTHING)
    await put_new(rooms, ada, "/mine.txt")
    await put_new(rooms, thief, "/ransom.txt")
    done = Deeds(credentials=frozenset({"ses_thief"}))
    planned = await rooms.history.rollback(ada, "personal", done, is_dry_run=True)
    assert (planned.trashed, planned.restored, planned.moved, planned.rewritten, planned.hindered) == (1, 1, 1, 1, 0)
    back = await rooms.history.rollback(ada, "personal", done)
    after = await listing(rooms, ada)
    del after["/mine.txt"]
    assert after == before
    await undo(rooms, ada, str(back.undo))
    assert "/ransom.txt" in await listing(rooms, ada)


async def test_what_others_changed_since_is_listed_and_kept(rooms, ada):
    thief = Principal(ada.id, PrincipalKind.PERSON, "ada", credential="ses_thief")
    await put_new(rooms, ada, "/a.txt", b"one")
    await put(rooms, thief, "/a.txt", b"scrambled")
    await put(rooms, ada, "/a.txt", b"mended")
    await put(rooms, thief, "/a.txt", b"scrambled again")
    done = Deeds(credentials=frozenset({"ses_thief"}))
    with pytest.raises(Conflict, match="changed later"):
        await rooms.history.rollback(ada, "personal", done)
    await rooms.history.rollback(ada, "personal", done, skip=True)
    assert (await rooms.files.get_entry(ada, "personal", "/a.txt")).size == len(b"mended")


async def test_a_rollback_is_bounded_by_time_path_and_who(rooms, ada):
    await put_new(rooms, ada, "/old/a.txt")
    rooms.clock.advance(timedelta(hours=2))
    await put_new(rooms, ada, "/old/b.txt")
    await put_new(rooms, ada, "/new/c.txt")
    with pytest.raises(Conflict):
        await rooms.history.rollback(ada, "personal", Deeds(actor="somebody", since="1h"))
    await rooms.history.rollback(ada, "personal", Deeds(actor=ada.id, since="1h", path="/old"))
    assert list(await listing(rooms, ada)) == ["/new", "/new/c.txt", "/old", "/old/a.txt"]
    await rooms.history.rollback(ada, "personal", Deeds(since="1h"))
    assert list(await listing(rooms, ada)) == ["/old", "/old/a.txt"]


async def test_one_may_only_undo_where_one_may_write(rooms, ada, bob):
    made = await put_new(rooms, ada, "/a.txt")
    space = made.undo.partition(".")[0]
    with pytest.raises(NotFound):
        await rooms.history.undo(bob, space, token=made.undo)
    with pytest.raises(NotFound):
        await rooms.history.undo(bob, space, token=f"{space}.99-99")
    with pytest.raises((Denied, NotFound)):
        await rooms.history.rollback(bob, space, Deeds())


async def test_what_was_taken_away_and_put_back_since_is_not_in_the_way(rooms, ada):
    await rooms.files.add_folder(ada, "personal", "/a")
    inner = await rooms.files.add_folder(ada, "personal", "/a/b")
    gone = await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    await rooms.files.restore(ada, "personal", gone.trashed.node)
    undone = await undo(rooms, ada, inner.undo)
    await undo(rooms, ada, str(undone.undo))
    await rooms.files.add_folder(ada, "personal", "/c")
    await undo(rooms, ada, last=2)
    assert await listing(rooms, ada) == {}


async def test_changes_that_cancel_out_are_taken_back_without_a_step(rooms, ada):
    await rooms.files.add_folder(ada, "personal", "/a")
    await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    undone = await undo(rooms, ada, last=2)
    assert await rooms.history.find_undoable(ada, "personal", 10) == []
    await undo(rooms, ada, str(undone.undo))
    assert len(await rooms.history.find_undoable(ada, "personal", 10)) == 2


async def test_what_came_and_went_with_its_folder_stays_with_it(rooms, ada):
    await put_new(rooms, ada, "/a/b.txt")
    await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    undone = await undo(rooms, ada, last=2)
    assert len((await rooms.files.find_trash(ada, "personal", 10, None)).items) == 1
    await undo(rooms, ada, str(undone.undo))
    await undo(rooms, ada)
    assert list(await listing(rooms, ada)) == ["/a", "/a/b.txt"]


async def test_who_may_write_to_one_folder_takes_back_only_there(rooms, ada, bob):
    await rooms.files.add_folder(ada, "personal", "/shared")
    made = await put_new(rooms, ada, "/own.txt")
    space = (await rooms.spaces.get_space(ada, "personal")).id
    shared = (await rooms.files.get_entry(ada, "personal", "/shared")).node
    root = (await rooms.spaces.get_space(ada, "personal")).root

    def share(unit):
        rooms.access.add_grant(unit.sql, bob.id, Resource(space, (root, shared)), Role.EDIT, unit.now_ms)

    await rooms.log.commit(share, actor=ada)
    await rooms.files.put_file(bob, space, "/shared/1.txt", stream(b"one"))
    second = await rooms.files.put_file(bob, space, "/shared/2.txt", stream(b"two"))
    await rooms.history.undo(bob, space, token=second.undo)
    await rooms.history.undo(bob, space, last=1)
    assert list(await listing(rooms, ada)) == ["/own.txt", "/shared"]
    for token in (made.undo, f"{space}.2-9"):
        with pytest.raises(NotFound):
            await rooms.history.undo(bob, space, token=token, is_dry_run=True)


async def test_what_a_rollback_left_out_still_counts_as_ones_own(rooms, ada):
    await put_new(rooms, ada, "/in/a.txt")
    await put_new(rooms, ada, "/out.txt")
    await rooms.history.rollback(ada, "personal", Deeds(since="1h", path="/in"))
    assert [each.path for each in await rooms.history.find_undoable(ada, "personal", 10)] == ["/in", "/out.txt"]


async def test_a_rollback_is_the_last_change_of_whoever_made_it(rooms, ada):
    thief = Principal(ada.id, PrincipalKind.PERSON, "ada", credential="ses_thief")
    await put_new(rooms, ada, "/own.txt")
    await put_new(rooms, thief, "/ransom.txt")
    before = await listing(rooms, ada)
    await rooms.history.rollback(ada, "personal", Deeds(credentials=frozenset({"ses_thief"})))

    assert (await rooms.history.find_undoable(ada, "personal", 10))[0].kind == "files.change-undone"
    await undo(rooms, ada)
    assert await listing(rooms, ada) == before
    await undo(rooms, ada)
    assert list(await listing(rooms, ada)) == ["/own.txt"]


async def test_what_somebody_else_rolled_back_is_nobodys_last_change(rooms, ada, bob):
    space = await rooms.spaces.get_space(ada, "personal")
    resource = Resource(space.id, (space.root,))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=ada
    )
    await rooms.files.add_folder(bob, space.id, "/kept")
    await rooms.files.add_folder(bob, space.id, "/gone")
    await rooms.history.rollback(ada, "personal", Deeds(actor=bob.id, since="1h", path="/gone"))

    assert [each.path for each in await rooms.history.find_undoable(bob, space.id, 10)] == ["/kept"]
