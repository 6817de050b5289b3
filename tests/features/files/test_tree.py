"""What people do with files and folders, told through the service."""

from datetime import timedelta

import pytest

from cloudconnect.features.files import Condition, EntryKind, Listing
from cloudconnect.kernel.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
)
from cloudconnect.kernel.principal import Principal, PrincipalKind, Scope
from cloudconnect.ports.access import Resource, Role

ANYTHING = Condition(if_match=frozenset({"*"}))


async def stream(*pieces):
    for piece in pieces:
        yield piece


async def read(rooms, principal, path, at=None):
    opened = await rooms.files.open_file(principal, "personal", path, at)
    return b"".join([piece async for piece in opened.read(0, None)])


async def put(rooms, principal, path, data, **options):
    return await rooms.files.put_file(principal, "personal", path, stream(data), **options)


async def names(rooms, principal, path, **options):
    page = await rooms.files.find_children(principal, "personal", path, limit=100, **options)
    return [entry.name for entry in page.items]


async def test_what_is_put_is_found_and_read_back(rooms, ada):
    made = await put(rooms, ada, "/notes/plan.txt", b"hello", parents=True, modified_ns=1_234_567_891)
    entry = await rooms.files.get_entry(ada, "personal", "/notes/plan.txt")
    assert made.created
    assert (entry.size, entry.modified_ns, entry.media_type) == (5, 1_234_567_891, "text/plain")
    assert await read(rooms, ada, "/notes/plan.txt") == b"hello"


async def test_a_file_needs_its_folder_unless_parents_are_asked_for(rooms, ada):
    with pytest.raises(Conflict, match="does not exist"):
        await put(rooms, ada, "/a/b.txt", b"")


async def test_replacing_says_which_version_is_meant(rooms, ada):
    first = await put(rooms, ada, "/a.txt", b"one")
    with pytest.raises(PreconditionRequired):
        await put(rooms, ada, "/a.txt", b"two")
    with pytest.raises(PreconditionFailed):
        await put(rooms, ada, "/a.txt", b"two", condition=Condition(if_none_match=frozenset({"*"})))
    second = await put(rooms, ada, "/a.txt", b"two", condition=Condition(if_match=frozenset({first.entry.etag})))
    with pytest.raises(PreconditionFailed):
        await put(rooms, ada, "/a.txt", b"three", condition=Condition(if_match=frozenset({first.entry.etag})))
    assert not second.created
    assert await read(rooms, ada, "/a.txt") == b"two"


async def test_the_past_stays_as_it_was(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    then = rooms.clock.now().isoformat()
    rooms.clock.advance(timedelta(hours=1))
    await put(rooms, ada, "/a.txt", b"two", condition=ANYTHING)
    await rooms.files.move(ada, "personal", "/a.txt", "/b.txt")
    assert await read(rooms, ada, "/a.txt", at=then) == b"one"
    assert await names(rooms, ada, "/", at=then) == ["a.txt"]
    assert await names(rooms, ada, "/", at="30m") == ["a.txt"]
    assert await names(rooms, ada, "/") == ["b.txt"]


async def test_a_moment_before_the_space_shows_nothing(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    with pytest.raises(NotFound):
        await names(rooms, ada, "/", at="2020-01-01")


async def test_moving_a_folder_takes_everything_along_and_keeps_ids(rooms, ada):
    put_before = await put(rooms, ada, "/a/b/c.txt", b"deep", parents=True)
    await rooms.files.add_folder(ada, "personal", "/x")
    await rooms.files.move(ada, "personal", "/a/b", "/x/y")
    entry = await rooms.files.get_entry(ada, "personal", "/x/y/c.txt")
    assert entry.node == put_before.entry.node
    assert entry.etag == put_before.entry.etag
    assert await names(rooms, ada, "/a") == []


@pytest.mark.parametrize("target", ["/a/b/inside", "/a/b/deeper/still"])
async def test_a_folder_cannot_go_into_itself(rooms, ada, target):
    await rooms.files.add_folder(ada, "personal", "/a/b/deeper", parents=True)
    with pytest.raises(Conflict):
        await rooms.files.move(ada, "personal", "/a/b", target)
    with pytest.raises(Conflict):
        await rooms.files.copy(ada, "personal", "/a/b", target)


async def test_a_move_replaces_only_when_asked_and_trashes_what_was_there(rooms, ada):
    await put(rooms, ada, "/a.txt", b"new")
    await put(rooms, ada, "/b.txt", b"old")
    with pytest.raises(Conflict):
        await rooms.files.move(ada, "personal", "/a.txt", "/b.txt")
    await rooms.files.move(ada, "personal", "/a.txt", "/b.txt", replace=True)
    trashed = await rooms.files.find_trash(ada, "personal", 10, None)
    assert await read(rooms, ada, "/b.txt") == b"new"
    assert [each.path for each in trashed.items] == ["/b.txt"]


async def test_a_copy_shares_content_and_then_goes_its_own_way(rooms, ada):
    await put(rooms, ada, "/a/one.txt", b"one", parents=True)
    await rooms.files.add_folder(ada, "personal", "/a/empty")
    await rooms.files.copy(ada, "personal", "/a", "/b")
    await put(rooms, ada, "/a/one.txt", b"changed", condition=ANYTHING)
    assert await names(rooms, ada, "/b") == ["empty", "one.txt"]
    assert await read(rooms, ada, "/b/one.txt") == b"one"


async def test_a_copy_of_the_past_brings_it_back(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    seq = (await rooms.spaces.get_space(ada, "personal")).seq
    await put(rooms, ada, "/a.txt", b"two", condition=ANYTHING)
    await rooms.files.copy(ada, "personal", "/a.txt", "/old.txt", at=f"seq:{seq}")
    assert await read(rooms, ada, "/old.txt") == b"one"


async def test_the_trash_gives_everything_back(rooms, ada):
    await put(rooms, ada, "/a/b/c.txt", b"deep", parents=True)
    gone = await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    assert await names(rooms, ada, "/") == []
    assert gone.trashed.kind is EntryKind.FOLDER
    await rooms.files.restore(ada, "personal", gone.trashed.node)
    assert await read(rooms, ada, "/a/b/c.txt") == b"deep"
    assert (await rooms.files.find_trash(ada, "personal", 10, None)).items == []
    with pytest.raises(NotFound):
        await rooms.files.restore(ada, "personal", gone.trashed.node)


async def test_a_restore_never_overwrites(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    gone = await rooms.files.trash(ada, "personal", "/a.txt", ANYTHING)
    await put(rooms, ada, "/a.txt", b"two")
    with pytest.raises(Conflict):
        await rooms.files.restore(ada, "personal", gone.trashed.node)
    await rooms.files.restore(ada, "personal", gone.trashed.node, "/a (old).txt")
    assert await read(rooms, ada, "/a (old).txt") == b"one"
    assert await read(rooms, ada, "/a.txt") == b"two"


async def test_what_was_in_a_removed_folder_needs_another_place(rooms, ada):
    await put(rooms, ada, "/a/b.txt", b"b", parents=True)
    gone = await rooms.files.trash(ada, "personal", "/a/b.txt", ANYTHING)
    await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    with pytest.raises(Conflict):
        await rooms.files.restore(ada, "personal", gone.trashed.node)
    restored = await rooms.files.restore(ada, "personal", gone.trashed.node, "/b.txt")
    assert restored.entry.path == "/b.txt"


async def test_removing_says_which_state_is_meant(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    with pytest.raises(PreconditionRequired):
        await rooms.files.trash(ada, "personal", "/a.txt")


async def test_the_root_stays(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    with pytest.raises(Conflict):
        await rooms.files.trash(ada, "personal", "/", ANYTHING)
    with pytest.raises(Conflict):
        await rooms.files.move(ada, "personal", "/", "/b")
    with pytest.raises(Conflict):
        await rooms.files.copy(ada, "personal", "/a.txt", "/", replace=True)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/a//b", id="empty name"),
        pytest.param("/./b", id="dot"),
        pytest.param("/../b", id="dot dot"),
        pytest.param("/a\\b", id="backslash"),
        pytest.param("/a\0b", id="NUL"),
        pytest.param("/\ud800", id="lone surrogate"),
        pytest.param("/" + "x" * 256, id="long name"),
        pytest.param("/" + "é" * 128, id="long name in bytes"),
        pytest.param("/abc" * 1_100, id="long path"),
    ],
)
async def test_paths_that_no_space_can_hold_are_refused(rooms, ada, path):
    with pytest.raises(Invalid):
        await put(rooms, ada, path, b"")
    with pytest.raises(Invalid):
        await rooms.files.get_entry(ada, "personal", path)


async def test_names_are_kept_in_one_unicode_form(rooms, ada):
    await put(rooms, ada, "/e\u0301.txt", b"composed")
    assert await names(rooms, ada, "/") == ["\u00e9.txt"]
    assert await read(rooms, ada, "/\u00e9.txt") == b"composed"


async def test_somebody_else_sees_nothing(rooms, ada, bob):
    await put(rooms, ada, "/secret.txt", b"mine")
    space = (await rooms.spaces.get_space(ada, "personal")).id
    for ask in (
        rooms.files.get_entry(bob, space, "/secret.txt"),
        rooms.files.get_entry(bob, space, "/other.txt"),
        rooms.spaces.get_space(bob, space),
        rooms.files.find_children(bob, space, "/", limit=10),
        rooms.files.put_file(bob, space, "/new.txt", stream(b"x")),
        rooms.files.trash(bob, space, "/secret.txt", ANYTHING),
        rooms.files.get_entry(bob, "spc_00000000000000000000000000", "/"),
    ):
        with pytest.raises(NotFound):
            await ask
    assert [each.owner for each in (await rooms.spaces.find_spaces(bob, 10, None)).items] == [bob.id]


async def test_a_token_to_read_does_not_write(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    reader = Principal(ada.id, PrincipalKind.PROGRAM, "ada", scopes=frozenset({Scope.FILES_READ}))
    assert await read(rooms, reader, "/a.txt") == b"one"
    with pytest.raises(Denied):
        await put(rooms, reader, "/b.txt", b"two")


async def test_pages_show_one_moment_while_others_write(rooms, ada):
    for number in range(7):
        await put(rooms, ada, f"/{number}.txt", b"")
    first = await rooms.files.find_children(ada, "personal", "/", limit=3)
    await put(rooms, ada, "/4b.txt", b"")
    await rooms.files.trash(ada, "personal", "/5.txt", ANYTHING)
    second = await rooms.files.find_children(ada, "personal", "/", limit=3, cursor=first.next_cursor)
    third = await rooms.files.find_children(ada, "personal", "/", limit=3, cursor=second.next_cursor)
    seen = [entry.name for page in (first, second, third) for entry in page.items]
    assert seen == [f"{number}.txt" for number in range(7)]
    assert third.next_cursor is None


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_walk_shows_folders_before_what_they_hold(rooms, ada, limit):
    for path in ("/a/1", "/a/b/2", "/a/b/c/3", "/a-b", "/z/4"):
        await put(rooms, ada, path, b"1234", parents=True)
    seen, cursor = [], None
    while True:
        page = await rooms.files.find_descendants(ada, "personal", "/", limit=limit, cursor=cursor)
        seen += [entry.path for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["/a", "/a/1", "/a/b", "/a/b/2", "/a/b/c", "/a/b/c/3", "/a-b", "/z", "/z/4"]


async def test_usage_counts_what_lies_below(rooms, ada):
    await put(rooms, ada, "/a/1", b"12345", parents=True)
    await put(rooms, ada, "/a/b/2", b"678", parents=True)
    then = f"seq:{(await rooms.spaces.get_space(ada, 'personal')).seq}"
    await rooms.files.trash(ada, "personal", "/a/b", ANYTHING)
    past = await rooms.files.measure(ada, "personal", "/", then)
    now = await rooms.files.measure(ada, "personal", "/a")
    assert (past.files, past.folders, past.logical_bytes) == (2, 2, 8)
    assert (now.files, now.folders, now.logical_bytes) == (1, 0, 5)


async def test_a_file_is_no_folder_and_a_folder_no_file(rooms, ada):
    await put(rooms, ada, "/a.txt", b"one")
    await rooms.files.add_folder(ada, "personal", "/d")
    with pytest.raises(Conflict):
        await put(rooms, ada, "/a.txt/b", b"", parents=True)
    with pytest.raises(Conflict):
        await put(rooms, ada, "/d", b"", condition=ANYTHING)
    with pytest.raises(Conflict):
        await rooms.files.open_file(ada, "personal", "/d")
    with pytest.raises(Conflict):
        await rooms.files.find_children(ada, "personal", "/a.txt", limit=10)
    with pytest.raises(Conflict):
        await rooms.files.add_folder(ada, "personal", "/d")


async def listed(rooms, principal, listing, limit, *, between=None):
    """Return the names in the root, page by page; *between* happens once after the first page."""
    names, cursor = [], None
    while True:
        page = await rooms.files.find_children(principal, "personal", "/", limit=limit, cursor=cursor, listing=listing)
        names += [entry.name for entry in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return names
        if between is not None:
            await between
            between = None


@pytest.mark.parametrize("limit", range(1, 7))
async def test_folders_come_first_wherever_a_page_ends(rooms, ada, limit):
    for name in ("b", "d", "z"):
        await rooms.files.add_folder(ada, "personal", f"/{name}")
    for name in ("a.txt", "c.txt"):
        await put(rooms, ada, f"/{name}", b"x")

    assert await listed(rooms, ada, Listing.FOLDERS_FIRST, limit) == ["b", "d", "z", "a.txt", "c.txt"]
    assert await listed(rooms, ada, Listing.FOLDERS, limit) == ["b", "d", "z"]


async def test_pages_of_folders_first_show_one_moment(rooms, ada):
    for name in ("b", "d", "z"):
        await rooms.files.add_folder(ada, "personal", f"/{name}")
    late = rooms.files.add_folder(ada, "personal", "/late")

    assert await listed(rooms, ada, Listing.FOLDERS_FIRST, 2, between=late) == ["b", "d", "z"]
    assert await listed(rooms, ada, Listing.FOLDERS_FIRST, 2) == ["b", "d", "late", "z"]


async def test_whoever_lost_a_right_a_moment_ago_adds_nothing(rooms, ada, bob):
    space = await rooms.spaces.get_space(ada, "personal")
    resource = Resource(space.id, (space.root,))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=ada
    )
    await rooms.files.put_file(bob, space.id, "/a.txt", stream(b"one"), expected_bytes=3)
    await rooms.log.commit(
        lambda unit: unit.sql.execute("DELETE FROM access_grant WHERE principal = ?", (bob.id,)), actor=ada
    )
    third = stream(b"three")

    for path, body in (("/b.txt", stream(b"two")), ("/c.txt", third)):
        with pytest.raises(NotFound):
            await rooms.files.put_file(bob, space.id, path, body, expected_bytes=3)

    assert await names(rooms, ada, "/") == ["a.txt"]
    assert [piece async for piece in third] == [b"three"]  # once refused, nobody's bytes are taken any more


async def test_trust_in_one_folder_says_nothing_of_another(rooms, ada, bob):
    space = await rooms.spaces.get_space(ada, "personal")
    folder = (await rooms.files.add_folder(ada, "personal", "/shared")).entry
    resource = Resource(space.id, (space.root, folder.node))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=ada
    )
    await rooms.files.put_file(bob, space.id, "/shared/a.txt", stream(b"one"), expected_bytes=3)
    body = stream(b"two")

    with pytest.raises((NotFound, Denied)):
        await rooms.files.put_file(bob, space.id, "/b.txt", body, expected_bytes=3)

    assert [piece async for piece in body] == [b"two"]
