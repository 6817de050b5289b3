"""Copies and moves between spaces: whole or not at all, under the rights and bounds of both."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.features.files import AccountingService, Condition, CrossingService, read_tag
from cloudconnect.features.files.errors import (
    Exists,
    NoParent,
    NoSuchEntry,
    QuotaExceeded,
    RootStays,
    SpaceArchived,
    Stale,
    TooMany,
)
from cloudconnect.features.files.service import crossing as module
from cloudconnect.kernel.errors import CloudConnectError, Denied, NotFound

ANYTHING = Condition(if_match=frozenset({"*"}))
LARGE = b"long" * 50_000


@pytest.fixture
async def crossing(rooms, ada):
    await rooms.spaces.create(ada, "Photos")
    return CrossingService(rooms.log, rooms.database, rooms.guide, rooms.vault, rooms.files)


async def put(rooms, who, space, path, raw=b"content"):
    async def stream():
        yield raw

    return await rooms.files.put_file(who, space, path, stream(), parents=True, condition=Condition(is_whatever=True))


async def tree(rooms, who, space, path="/"):
    """Return everything below *path* by its path from there: the content of files, None for folders."""
    found = {}
    for entry in (await rooms.files.find_descendants(who, space, path, limit=1_000)).items:
        name = entry.path.removeprefix(path.rstrip("/"))
        found[name] = None
        if not entry.is_folder:
            opened = await rooms.files.open_file(who, space, entry.path)
            found[name] = b"".join([piece async for piece in opened.read(0, None)])
    return found


async def fill(rooms, ada):
    await put(rooms, ada, "personal", "/trip/one.jpg", b"1")
    await put(rooms, ada, "personal", "/trip/deep/two.jpg", b"22")
    await put(rooms, ada, "personal", "/trip/deep/film.mp4", LARGE)
    await put(rooms, ada, "personal", "/trip/empty", b"")
    await rooms.files.add_folder(ada, "personal", "/trip/nothing")
    return await tree(rooms, ada, "personal", "/trip")


async def test_a_copy_is_the_whole_tree_and_leaves_the_original(rooms, ada, crossing):
    before = await fill(rooms, ada)
    await rooms.tags.change_tags(ada, "personal", "/trip/one.jpg", [read_tag("who", "Ann")], [])
    await rooms.particulars.touch(ada, "personal", "/trip/one.jpg", 5)

    change = await crossing.copy(ada, "personal", "/trip", "Photos", "/2026")

    assert await tree(rooms, ada, "Photos", "/2026") == before
    assert await tree(rooms, ada, "personal", "/trip") == before
    assert [each.name for each in await rooms.tags.find_tags(ada, "Photos", "/2026/one.jpg")] == ["who"]
    assert (await rooms.files.get_entry(ada, "Photos", "/2026/one.jpg")).modified_ns == 5
    assert (await rooms.spaces.get_space(ada, "Photos")).used_bytes == 3 + len(LARGE)
    await rooms.history.undo(ada, "Photos", token=change.undo)
    assert await tree(rooms, ada, "Photos") == {}


async def test_a_move_leaves_the_original_in_the_trash_and_both_ends_can_be_taken_back(rooms, ada, crossing):
    before = await fill(rooms, ada)

    change = await crossing.move(ada, "personal", "/trip", "Photos", "/trip")

    assert await tree(rooms, ada, "Photos", "/trip") == before
    assert await tree(rooms, ada, "personal") == {}
    await rooms.history.undo(ada, "personal", token=change.undo_source)
    await rooms.history.undo(ada, "Photos", token=change.undo)
    assert await tree(rooms, ada, "personal", "/trip") == before
    assert await tree(rooms, ada, "Photos") == {}


async def test_within_one_space_nothing_is_stored_anew(rooms, ada, crossing):
    await fill(rooms, ada)
    space = await rooms.spaces.get_space(ada, "personal")
    stored = len(rooms.vault.contents)

    moved = await crossing.move(ada, "personal", "/trip", space.id, "/travels")
    copied = await crossing.copy(ada, "personal", "/travels/one.jpg", "personal", "/one.jpg")

    assert (moved.undo_source, copied.entry.path, len(rooms.vault.contents)) == ("", "/one.jpg", stored)


async def test_the_past_of_one_space_can_be_copied_into_another(rooms, ada, crossing):
    first = await put(rooms, ada, "personal", "/a", b"first")
    await put(rooms, ada, "personal", "/a", b"second")

    await crossing.copy(ada, "personal", "/a", "Photos", "/a", at=f"seq:{first.seq}")

    assert await tree(rooms, ada, "Photos") == {"/a": b"first"}


async def test_a_shallow_copy_is_an_empty_folder(rooms, ada, crossing):
    await fill(rooms, ada)

    await crossing.copy(ada, "personal", "/trip", "Photos", "/trip", is_shallow=True)

    assert await tree(rooms, ada, "Photos") == {"/trip": None}


async def test_what_is_there_stays_unless_it_is_to_be_replaced(rooms, ada, crossing):
    await put(rooms, ada, "personal", "/a", b"new")
    await put(rooms, ada, "Photos", "/a", b"old")

    with pytest.raises(Exists):
        await crossing.move(ada, "personal", "/a", "Photos", "/a")
    assert await tree(rooms, ada, "Photos") == {"/a": b"old"}
    change = await crossing.move(ada, "personal", "/a", "Photos", "/a", replace=True)

    assert await tree(rooms, ada, "Photos") == {"/a": b"new"}
    await rooms.history.undo(ada, "Photos", token=change.undo)
    assert await tree(rooms, ada, "Photos") == {"/a": b"old"}


@pytest.mark.parametrize(
    ("source", "target", "refusal"),
    [
        ("/nothing", "/a", NoSuchEntry),
        ("/a", "/missing/a", NoParent),
        ("/a", "/", Exists),
        ("/", "/a", RootStays),
    ],
)
async def test_a_move_that_cannot_be_stores_nothing(rooms, ada, crossing, source, target, refusal):
    await put(rooms, ada, "personal", "/a")
    stored = len(rooms.vault.contents)

    with pytest.raises(refusal):
        await crossing.move(ada, "personal", source, "Photos", target)

    assert len(rooms.vault.contents) == stored


async def test_a_quota_holds_before_anything_is_stored(rooms, ada, crossing):
    await put(rooms, ada, "personal", "/a", bytes(2_000))
    space = await rooms.spaces.get_space(ada, "Photos")
    await AccountingService(rooms.log, rooms.database, rooms.guide).set_quota(ada, space.id, 1_000)
    stored = len(rooms.vault.contents)

    with pytest.raises(QuotaExceeded):
        await crossing.move(ada, "personal", "/a", "Photos", "/a")

    assert len(rooms.vault.contents) == stored
    assert await tree(rooms, ada, "personal") == {"/a": bytes(2_000)}


async def test_neither_end_may_be_archived(rooms, ada, crossing):
    await put(rooms, ada, "personal", "/a")
    await put(rooms, ada, "Photos", "/b")
    archived = (await rooms.spaces.change(ada, "Photos", archived=True)).id

    for source, target in (("personal", archived), (archived, "personal")):
        with pytest.raises(SpaceArchived):
            await crossing.move(ada, source, "/a" if source == "personal" else "/b", target, "/c")
    await crossing.copy(ada, archived, "/b", "personal", "/b")


async def test_nobody_copies_from_or_into_what_is_not_his(rooms, ada, bob, crossing):
    await put(rooms, ada, "Photos", "/a")
    await put(rooms, bob, "personal", "/b")
    photos = (await rooms.spaces.get_space(ada, "Photos")).id

    for source, path, target in ((photos, "/a", "personal"), ("personal", "/b", photos)):
        with pytest.raises((Denied, NotFound)):
            await crossing.copy(bob, source, path, target, "/c")


async def test_what_changes_while_it_is_copied_is_not_moved(rooms, ada, crossing, monkeypatch):
    await fill(rooms, ada)
    carry = CrossingService._carry

    later = [b"changed", b"again"]

    async def meanwhile(self, way, found):
        carried = await carry(self, way, found)
        await put(rooms, ada, "personal", "/trip/deep/two.jpg", later.pop(0))
        return carried

    monkeypatch.setattr(CrossingService, "_carry", meanwhile)
    with pytest.raises(Stale):
        await crossing.move(ada, "personal", "/trip", "Photos", "/trip")

    assert await tree(rooms, ada, "Photos") == {}
    assert (await tree(rooms, ada, "personal"))["/trip/deep/two.jpg"] == b"changed"
    await crossing.copy(ada, "personal", "/trip", "Photos", "/trip")
    assert (await tree(rooms, ada, "Photos"))["/trip/deep/two.jpg"] == b"changed", "as it was when it began"


async def test_more_than_goes_in_one_step_is_refused(rooms, ada, crossing, monkeypatch):
    await fill(rooms, ada)
    monkeypatch.setattr(module, "ENTRIES_MOST", 3)

    with pytest.raises(TooMany):
        await crossing.copy(ada, "personal", "/trip", "Photos", "/trip")


NAMES = st.sampled_from(["/a", "/b", "/b/c", "/b/d/e"])
STEP = st.one_of(
    st.tuples(st.just("put"), st.booleans(), NAMES, st.binary(max_size=3)),
    st.tuples(st.just("cross"), st.booleans(), NAMES, NAMES, st.booleans(), st.booleans()),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=12))
async def test_whatever_crosses_both_spaces_stay_what_a_model_says(rooms, ada, crossing, steps):
    """A model of two dictionaries; every refusal leaves both as they were."""
    for space in ("personal", "Photos"):
        for entry in (await rooms.files.find_children(ada, space, "/", limit=10)).items:
            await rooms.files.trash(ada, space, entry.path, ANYTHING)
    model = {"personal": {}, "Photos": {}}
    for kind, is_first, *rest in steps:
        here, there = ("personal", "Photos") if is_first else ("Photos", "personal")
        try:
            if kind == "put":
                await put(rooms, ada, here, *rest)
                model[here][rest[0]] = rest[1]
                for end in range(2, rest[0].count("/") + 1):
                    model[here]["/".join(rest[0].split("/")[:end])] = None
                continue
            source, target, is_move, replace = rest
            do = crossing.move if is_move else crossing.copy
            await do(ada, here, source, there, target, replace=replace)
        except CloudConnectError:
            pass
        else:
            gone = {path for path in model[there] if path == target or path.startswith(f"{target}/")}
            went = {path: raw for path, raw in model[here].items() if path == source or path.startswith(f"{source}/")}
            model[there] = {path: raw for path, raw in model[there].items() if path not in gone}
            model[there] |= {target + path.removeprefix(source): raw for path, raw in went.items()}
            if is_move:
                model[here] = {path: raw for path, raw in model[here].items() if path not in went}
        for space, expected in model.items():
            assert await tree(rooms, ada, space) == expected
