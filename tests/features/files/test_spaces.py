"""Several spaces: made by administrators, named, and put to rest."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.features.files import Condition, PruningService, PurgingService, rules
from cloudconnect.features.files.errors import (
    BadQuota,
    BadSpaceName,
    NoSuchOwner,
    PersonalSpaceStays,
    SpaceArchived,
    SpaceNameTaken,
)
from cloudconnect.kernel.errors import Denied, Invalid, NoSpace, NotFound

ANYTHING = Condition(if_match=frozenset({"*"}))


class Progress:
    """Lets an operation run to its end."""

    checkpoint = ""

    def report(self, done, total, note=""):
        pass

    def keep(self, checkpoint):
        pass

    def check(self):
        pass


async def put(rooms, who, space, path, raw=b"content", condition=Condition()):  # noqa: B008 - frozen
    async def stream():
        yield raw

    return await rooms.files.put_file(who, space, path, stream(), parents=True, condition=condition)


async def names(rooms, who, **options):
    return sorted(each.name for each in (await rooms.spaces.find_spaces(who, 10, None, **options)).items)


async def test_a_space_is_reached_by_its_name_and_by_its_id(rooms, ada):
    made = await rooms.spaces.create(ada, "  Photos ")

    await put(rooms, ada, "Photos", "/a/b")

    assert (await rooms.files.get_entry(ada, made.id, "/a/b")).size == 7
    with pytest.raises(NotFound):
        await rooms.files.get_entry(ada, "personal", "/a/b")
    assert await names(rooms, ada) == ["Photos", "ada"]


async def test_a_space_for_somebody_else_is_his_alone(rooms, ada, bob):
    made = await rooms.spaces.create(ada, "Photos", owner="Bob", quota_bytes=10)

    assert (made.owner, made.quota_bytes) == (bob.id, 10)
    await put(rooms, bob, "Photos", "/a")
    with pytest.raises(NoSpace):
        await put(rooms, bob, "Photos", "/b")
    with pytest.raises(NotFound):
        await rooms.files.get_entry(ada, made.id, "/a")
    with pytest.raises(NotFound):
        await rooms.files.get_entry(ada, "Photos", "/a")


async def test_only_administrators_make_spaces(rooms, bob):
    with pytest.raises(Denied):
        await rooms.spaces.create(bob, "Photos")


async def test_an_owner_has_one_space_of_a_name(rooms, ada, bob):
    await rooms.spaces.create(ada, "Photos")
    await rooms.spaces.create(ada, "Photos", owner="bob")
    other = await rooms.spaces.create(ada, "Films")

    with pytest.raises(SpaceNameTaken):
        await rooms.spaces.create(ada, "Photos")
    with pytest.raises(SpaceNameTaken):
        await rooms.spaces.change(ada, other.id, name="Photos")
    assert (await rooms.spaces.change(ada, other.id, name="Films")).value.name == "Films"


async def test_what_cannot_be_made_is_refused_before_it_gets_keys(rooms, ada, monkeypatch):
    async def add_domain(space):
        pytest.fail(f"a domain for {space}")

    await rooms.spaces.get_space(ada, "personal")
    monkeypatch.setattr(rooms.vault, "add_domain", add_domain)
    with pytest.raises(NoSuchOwner):
        await rooms.spaces.create(ada, "Photos", owner="nobody")
    with pytest.raises(BadQuota):
        await rooms.spaces.create(ada, "Photos", quota_bytes=-1)
    with pytest.raises(SpaceNameTaken):
        await rooms.spaces.create(ada, "ada")


async def test_a_renamed_space_keeps_its_id_and_what_is_in_it(rooms, ada):
    made = await rooms.spaces.create(ada, "Photos")
    await put(rooms, ada, "Photos", "/a")

    renamed = (await rooms.spaces.change(ada, "Photos", name="Pictures")).value

    assert (renamed.id, renamed.seq) == (made.id, made.seq + 2)
    assert (await rooms.files.get_entry(ada, "Pictures", "/a")).size == 7
    with pytest.raises(NotFound):
        await rooms.files.get_entry(ada, "Photos", "/a")


async def test_who_may_not_manage_a_space_changes_nothing_of_it(rooms, ada, bob):
    made = await rooms.spaces.create(ada, "Photos")

    with pytest.raises(NotFound):
        await rooms.spaces.change(bob, made.id, name="Mine")
    assert (await rooms.spaces.get_space(ada, made.id)).name == "Photos"


async def test_nothing_in_an_archived_space_changes_until_it_is_brought_back(rooms, ada):
    await rooms.spaces.create(ada, "Photos")
    await put(rooms, ada, "Photos", "/a")
    await put(rooms, ada, "Photos", "/b")
    change = await rooms.files.trash(ada, "Photos", "/b", ANYTHING)

    archived = (await rooms.spaces.change(ada, "Photos", archived=True)).value

    assert archived.archived == rooms.clock.now()
    again = await rooms.spaces.change(ada, "Photos", archived=True)
    assert (again.value, again.undo) == (archived, "")
    assert await names(rooms, ada) == ["ada"]
    assert await names(rooms, ada, archived=True) == ["Photos", "ada"]
    assert (await rooms.files.get_entry(ada, "Photos", "/a")).size == 7
    for act in (
        put(rooms, ada, "Photos", "/c"),
        rooms.files.trash(ada, "Photos", "/a", ANYTHING),
        rooms.files.restore(ada, "Photos", change.trashed.node),
        rooms.files.move(ada, "Photos", "/a", "/d"),
        rooms.files.add_folder(ada, "Photos", "/e"),
        rooms.history.undo(ada, "Photos", token=str(change.undo)),
    ):
        with pytest.raises(SpaceArchived):
            await act
    assert (await rooms.spaces.get_space(ada, "Photos")).seq == archived.seq

    await rooms.spaces.change(ada, "Photos", archived=False)
    await put(rooms, ada, "Photos", "/c")
    assert await names(rooms, ada) == ["Photos", "ada"]


async def test_the_clock_takes_nothing_from_an_archived_space(rooms, ada):
    await rooms.spaces.create(ada, "Photos")
    await put(rooms, ada, "Photos", "/a", b"one")
    await put(rooms, ada, "Photos", "/a", b"two", ANYTHING)
    await put(rooms, ada, "Photos", "/b")
    await rooms.files.trash(ada, "Photos", "/b", ANYTHING)
    archived = (await rooms.spaces.change(ada, "Photos", archived=True)).value
    rooms.clock.advance(timedelta(days=500))
    purging = PurgingService(rooms.log, rooms.database, rooms.clock, rooms.guide, timedelta(days=30))
    pruning = PruningService(rooms.log, rooms.database, rooms.clock, rooms.guide, "keep all 1d")

    assert (await asyncio.to_thread(purging.purge_old, {}, Progress()))["purged"] == 0
    assert (await asyncio.to_thread(pruning.prune, {}, Progress()))["versions"] == 0
    assert (await rooms.spaces.get_space(ada, "Photos")).seq == archived.seq

    await rooms.spaces.change(ada, "Photos", archived=False)
    assert (await asyncio.to_thread(purging.purge_old, {}, Progress()))["purged"] == 1
    assert (await asyncio.to_thread(pruning.prune, {}, Progress()))["versions"] == 1


async def test_a_personal_space_is_renamed_but_never_archived(rooms, ada):
    with pytest.raises(PersonalSpaceStays):
        await rooms.spaces.change(ada, "personal", name="Mine", archived=True)
    assert await names(rooms, ada) == ["ada"]
    assert (await rooms.spaces.change(ada, "personal", name="Mine")).value.name == "Mine"


async def test_pages_of_spaces_skip_nothing(rooms, ada):
    wanted = [f"Space {number}" for number in range(5)]
    for name in wanted:
        await rooms.spaces.create(ada, name)
    await rooms.spaces.change(ada, "Space 1", archived=True)

    seen, cursor = [], None
    while True:
        page = await rooms.spaces.find_spaces(ada, 2, cursor)
        seen += [each.name for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(["ada", *(name for name in wanted if name != "Space 1")])


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a\\b", "a:b", "..", ".", "Personal", "spc_x", "a\nb", "x" * 101])
def test_what_cannot_name_a_space_is_refused(name):
    with pytest.raises(BadSpaceName):
        rules.parse_space_name(name)


@given(st.text())
def test_a_name_is_taken_as_it_is_kept_or_refused(text):
    try:
        name = rules.parse_space_name(text)
    except Invalid:
        return
    assert rules.parse_space_name(name) == name


async def test_no_space_is_called_with_a_nul(rooms, ada):
    space = await rooms.spaces.create(ada, "Photos")
    for name in ("\0", "Photos\0", f"{space.id}\0"):
        with pytest.raises(NotFound):
            await rooms.spaces.get_space(ada, name)
