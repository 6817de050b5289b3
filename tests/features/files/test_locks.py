"""Locks keep others from writing, whichever way they come, until they end."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from cloudconnect.features.files import (
    Condition,
    DetailsService,
    Entry,
    LocksService,
    LockTerms,
    NewItem,
    PropertiesService,
)
from cloudconnect.features.files.errors import EntryLocked, NoLock, NoSuchLock, NotYourLock, TooManyProperties
from cloudconnect.features.files.service import locks as service
from cloudconnect.kernel.errors import Denied, Exhausted, Locked, NotFound, PreconditionFailed
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.access import Resource, Role

ANYTHING = Condition(is_whatever=True)
ALONE = LockTerms(is_shared=False, is_deep=False, description="", life=timedelta(minutes=10))
DEEP = dataclasses.replace(ALONE, is_deep=True)
SHARED = dataclasses.replace(ALONE, is_shared=True)


@pytest.fixture
def locks(rooms):
    return LocksService(rooms.log, rooms.database, rooms.guide, rooms.vault, rooms.clock)


@pytest.fixture
def details(rooms):
    return DetailsService(rooms.database, rooms.guide, rooms.clock)


@pytest.fixture
def properties(rooms):
    return PropertiesService(rooms.log, rooms.guide)


@pytest.fixture
async def shared(rooms, ada, bob):
    """The space of ada, in which bob may edit."""
    space = await rooms.spaces.get_space(ada, "personal")
    resource = Resource(space.id, (space.root,))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=ada
    )
    return space.id


@pytest.fixture
def put(rooms):
    async def put(principal, space, path, content=b"x"):
        async def stream():
            yield content

        return await rooms.files.put_file(principal, space, path, stream(), condition=ANYTHING, parents=True)

    return put


@pytest.fixture
async def tree(put, ada, shared):
    for path in ("/a/b/c.txt", "/a/d.txt", "/e/f.txt"):
        await put(ada, shared, path)
    return shared


def writes(rooms, put, principal, space):
    """Return everything that changes the file /a/d.txt, by name."""
    files = rooms.files
    return {
        "put": lambda: put(principal, space, "/a/d.txt"),
        "move": lambda: files.move(principal, space, "/a/d.txt", "/e/d.txt"),
        "copy over": lambda: files.copy(principal, space, "/e/f.txt", "/a/d.txt", replace=True),
        "trash": lambda: files.trash(principal, space, "/a/d.txt", ANYTHING),
        "trash above": lambda: files.trash(principal, space, "/a", ANYTHING),
        "move above": lambda: files.move(principal, space, "/a", "/z"),
    }


WRITES = ("put", "move", "copy over", "trash", "trash above", "move above")


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("where", ["/a/d.txt", "/a"])
async def test_a_lock_keeps_everybody_else_from_writing(rooms, locks, put, tree, ada, bob, name, where):
    await locks.lock(ada, tree, where, DEEP)

    with pytest.raises(Locked, match="ada has locked this until 2026-03-01T12:10"):
        await writes(rooms, put, bob, tree)[name]()
    await writes(rooms, put, ada, tree)[name]()


@pytest.mark.parametrize("name", WRITES)
async def test_where_tokens_are_shown_the_owner_passes_with_his_own(rooms, locks, put, tree, ada, bob, name):
    lock, _ = await locks.lock(ada, tree, "/a/d.txt", ALONE)
    without, with_it, stolen = (
        dataclasses.replace(who, lock_tokens=frozenset(tokens))
        for who, tokens in ((ada, ()), (ada, (lock.token,)), (bob, (lock.token,)))
    )

    for principal in (without, stolen):
        with pytest.raises(EntryLocked):
            await writes(rooms, put, principal, tree)[name]()
    await writes(rooms, put, with_it, tree)[name]()


async def test_many_files_at_once_pass_no_lock_either(rooms, locks, tree, bob, ada):
    await locks.lock(ada, tree, "/a/d.txt", ALONE)

    items = [NewItem("/a/d.txt", b"new", None, "*"), NewItem("/a/new.txt", b"new", None)]
    refused, stored = (await rooms.intake.put_many(bob, tree, items)).outcomes

    assert isinstance(refused, EntryLocked)
    assert isinstance(stored, Entry)


async def test_a_flat_lock_on_a_folder_keeps_names_from_coming_and_going_and_nothing_more(
    rooms, locks, put, tree, ada, bob
):
    await locks.lock(ada, tree, "/a", ALONE)

    await put(bob, tree, "/a/d.txt")
    await put(bob, tree, "/a/b/new.txt")
    for act in (
        put(bob, tree, "/a/new.txt"),
        rooms.files.add_folder(bob, tree, "/a/new"),
        rooms.files.trash(bob, tree, "/a/d.txt", ANYTHING),
        rooms.files.move(bob, tree, "/a/d.txt", "/e/d.txt"),
        rooms.files.move(bob, tree, "/e/f.txt", "/a/f.txt"),
        rooms.files.copy(bob, tree, "/e/f.txt", "/a/f.txt"),
    ):
        with pytest.raises(EntryLocked):
            await act


async def test_locks_end_by_themselves(rooms, locks, put, tree, ada, bob):
    lock, _ = await locks.lock(ada, tree, "/a/d.txt", ALONE)
    rooms.clock.advance(timedelta(minutes=9))
    await locks.prolong(ada, tree, "/a/d.txt", lock.token, ALONE)
    rooms.clock.advance(timedelta(minutes=9))
    with pytest.raises(EntryLocked):
        await put(bob, tree, "/a/d.txt")

    rooms.clock.advance(timedelta(minutes=1))

    await put(bob, tree, "/a/d.txt")
    with pytest.raises(NoSuchLock):
        await locks.prolong(ada, tree, "/a/d.txt", lock.token, ALONE)
    assert not (await locks.find_locks(ada, tree, 10, None)).items


async def test_only_shared_locks_stand_beside_each_other(locks, tree, ada, bob):
    await locks.lock(ada, tree, "/a/d.txt", SHARED)
    await locks.lock(bob, tree, "/a/d.txt", SHARED)

    for terms, path in ((ALONE, "/a/d.txt"), (DEEP, "/a"), (DEEP, "/")):
        with pytest.raises(Locked):
            await locks.lock(bob, tree, path, terms)
    await locks.lock(bob, tree, "/a", ALONE)


async def test_of_two_who_lock_at_once_one_waits(locks, tree, ada, bob):
    outcomes = await asyncio.gather(
        *(locks.lock(who, tree, "/a/d.txt", ALONE) for who in (ada, bob)), return_exceptions=True
    )

    assert sorted(isinstance(each, Locked) for each in outcomes) == [False, True]


async def test_locking_what_is_not_there_makes_an_empty_file(rooms, locks, put, tree, ada, bob):
    lock, is_made = await locks.lock(ada, tree, "/a/new.txt", ALONE)

    assert is_made
    assert (await rooms.files.get_entry(ada, tree, "/a/new.txt")).size == 0
    with pytest.raises(EntryLocked):
        await put(bob, tree, "/a/new.txt")
    await locks.unlock(ada, tree, "/a/new.txt", lock.token)
    await put(bob, tree, "/a/new.txt")


async def test_a_lock_is_ended_by_its_owner_or_broken_by_who_manages_the_space(rooms, locks, put, tree, ada, bob):
    lock, _ = await locks.lock(bob, tree, "/a/d.txt", ALONE)
    carol = await rooms.person("carol")

    with pytest.raises(NotYourLock):
        await locks.unlock(ada, tree, "/a/d.txt", lock.token)
    with pytest.raises(NotFound):
        await locks.break_lock(carol, tree, lock.id)
    await locks.break_lock(ada, tree, lock.id)

    with pytest.raises(NoLock):
        await locks.break_lock(ada, tree, lock.id)
    other, _ = await locks.lock(ada, tree, "/a/d.txt", ALONE)
    with pytest.raises(Denied):
        await locks.break_lock(bob, tree, other.id)
    own, _ = await locks.lock(bob, tree, "/e/f.txt", ALONE)
    await locks.break_lock(bob, tree, own.id)
    kinds = [
        (stored.fact.kind, getattr(stored.fact, "is_broken", None))
        for stored in rooms.database.read_now(lambda sql: rooms.log.find_facts(sql, 0, 1_000))
        if "lock" in stored.fact.kind
    ]
    assert kinds == [
        ("files.entry-locked", None),
        ("files.entry-unlocked", True),
        ("files.entry-locked", None),
        ("files.entry-locked", None),
        ("files.entry-unlocked", False),
    ]


async def test_an_administrator_breaks_locks_in_any_space(rooms, locks, ada, bob, put):
    await put(bob, "personal", "/a.txt")
    space = (await rooms.spaces.get_space(bob, "personal")).id
    lock, _ = await locks.lock(bob, space, "/a.txt", ALONE)

    await locks.break_lock(ada, space, lock.id)

    assert not (await locks.find_locks(bob, space, 10, None)).items


async def test_locks_do_not_travel(rooms, locks, tree, ada):
    await locks.lock(ada, tree, "/a/b/c.txt", ALONE)
    await rooms.files.move(ada, tree, "/a", "/z")

    assert not (await locks.find_locks(ada, tree, 10, None)).items


async def test_locks_are_listed_a_page_at_a_time_with_their_paths(rooms, locks, tree, ada, bob):
    for who, path in ((ada, "/a/d.txt"), (bob, "/e/f.txt"), (ada, "/a/b")):
        await locks.lock(who, tree, path, ALONE)
        rooms.clock.advance(timedelta(seconds=1))

    first = await locks.find_locks(ada, tree, 2, None)
    second = await locks.find_locks(ada, tree, 2, first.next_cursor)

    listed = [(each.owner_name, each.path) for each in (*first.items, *second.items)]
    assert listed == [("ada", "/a/d.txt"), ("bob", "/e/f.txt"), ("ada", "/a/b")]
    assert second.next_cursor is None


async def test_nobody_holds_locks_without_end(locks, tree, ada, monkeypatch):
    monkeypatch.setattr(service, "HELD_MOST", 1)
    await locks.lock(ada, tree, "/a/d.txt", ALONE)

    with pytest.raises(Exhausted):
        await locks.lock(ada, tree, "/e/f.txt", ALONE)


async def test_a_lock_asks_for_the_right_to_write(rooms, locks, ada, put, tree):
    viewer = await rooms.person("vera")
    space = await rooms.spaces.get_space(ada, tree)
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(
            unit.sql, viewer.id, Resource(space.id, (space.root,)), Role.VIEW, unit.now_ms
        ),
        actor=ada,
    )

    with pytest.raises(Denied):
        await locks.lock(viewer, tree, "/a/d.txt", ALONE)
    assert (await rooms.files.get_entry(viewer, tree, "/a/d.txt")).size == 1


async def test_properties_go_with_what_they_belong_to(rooms, properties, details, tree, ada):
    async def kept(path):
        return dict((await details.get_detail(ada, tree, path))[1].properties)

    await properties.change(ada, tree, "/a/d.txt", {"{x}one": "1", "{x}two": "2"})
    await properties.change(ada, tree, "/a/d.txt", {"{x}one": None, "{x}three": "3"})
    left = {"{x}two": "2", "{x}three": "3"}
    assert await kept("/a/d.txt") == left
    await rooms.files.copy(ada, tree, "/a", "/copy")
    assert await kept("/copy/d.txt") == left
    await rooms.files.move(ada, tree, "/a/d.txt", "/e/d.txt")
    trashed = (await rooms.files.trash(ada, tree, "/e/d.txt", ANYTHING)).trashed
    await rooms.files.restore(ada, tree, trashed.node)
    assert await kept("/e/d.txt") == left


async def test_when_a_file_was_modified_can_be_set_and_the_past_keeps_the_old_time(rooms, properties, tree, ada):
    before = await rooms.files.get_entry(ada, tree, "/a/d.txt")
    changed = (await properties.change(ada, tree, "/a/d.txt", {}, modified_ns=5)).entry
    now = await rooms.files.get_entry(ada, tree, "/a/d.txt")
    past = await rooms.files.get_entry(ada, tree, "/a/d.txt", str(before.from_seq))

    assert (now.modified_ns, changed.modified_ns, past.modified_ns) == (5, 5, before.modified_ns)
    assert now.etag == before.etag
    with pytest.raises(PreconditionFailed):
        await properties.change(ada, tree, "/a/d.txt", {}, condition=Condition(if_match=frozenset({"other"})))


async def test_what_is_kept_beside_a_file_has_an_end(properties, details, tree, ada):
    for values in ({f"{{x}}{number}": "" for number in range(201)}, {"{x}long": "x" * (64 << 10)}):
        with pytest.raises(TooManyProperties):
            await properties.change(ada, tree, "/a/d.txt", values)

    assert not (await details.get_detail(ada, tree, "/a/d.txt"))[1].properties


async def test_a_space_that_is_erased_leaves_nothing_beside(rooms, locks, properties, tree, ada):
    from cloudconnect.features.files import Erasing

    await locks.lock(ada, tree, "/a/d.txt", ALONE)
    await properties.change(ada, tree, "/a/d.txt", {"{x}one": "1"})
    erasing = Erasing(rooms.guide)
    await rooms.log.commit(lambda unit: erasing.erase(unit.sql, SpaceId(tree), "", 100), actor=ada)

    for table in ("node_lock", "node_property", "folder_state"):
        assert rooms.database.read_now(lambda sql, table=table: sql.rows(f"SELECT * FROM {table}")) == []
