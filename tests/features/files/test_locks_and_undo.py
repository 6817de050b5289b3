"""Undo, rollback and restoring the past pass nobody else's lock, and end one's own with what goes elsewhere."""

from datetime import timedelta

import pytest

from cloudconnect.features.files import Condition, LocksService, LockTerms, read_tag
from cloudconnect.features.files.moments import Deeds, Obstacle
from cloudconnect.kernel.errors import Conflict
from cloudconnect.ports.access import Resource, Role

ANYTHING = Condition(is_whatever=True)
FLAT = LockTerms(is_shared=False, is_deep=False, description="", life=timedelta(minutes=10))
DEEP = LockTerms(is_shared=False, is_deep=True, description="", life=timedelta(minutes=10))
SHARED = LockTerms(is_shared=True, is_deep=False, description="", life=timedelta(minutes=10))


@pytest.fixture
def locks(rooms):
    return LocksService(rooms.log, rooms.database, rooms.guide, rooms.vault, rooms.clock)


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
def put(rooms, shared):
    async def put(principal, path, content=b"x"):
        async def stream():
            yield content

        return await rooms.files.put_file(principal, shared, path, stream(), condition=ANYTHING, parents=True)

    return put


@pytest.fixture
async def deeds(rooms, put, ada, shared):
    """One change of each kind to things of /a, each with the place where it is seen now, and its token."""
    files = rooms.files
    for name in ("written", "moved", "trashed", "tagged"):
        await put(ada, f"/a/{name}", b"before")
    written = await put(ada, "/a/written", b"after")
    made = await put(ada, "/a/made")
    moved = await files.move(ada, shared, "/a/moved", "/a/renamed")
    trashed = await files.trash(ada, shared, "/a/trashed", ANYTHING)
    tagged = await rooms.tags.change_tags(ada, shared, "/a/tagged", [read_tag("colour", "red")], [])
    return {
        "written": ("/a/written", written.undo),
        "made": ("/a/made", made.undo),
        "moved": ("/a/renamed", moved.undo),
        "trashed": ("/a", trashed.undo),
        "tagged": ("/a/tagged", tagged.undo),
    }


KINDS = ("written", "made", "moved", "trashed", "tagged")


async def undo(rooms, principal, space, token, **options):
    return await rooms.history.undo(principal, space, token=token, **options)


def reasons(reverted):
    return {each.path: each.obstacle for each in reverted.hindrances}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["itself", "deep above"])
async def test_what_somebody_else_has_locked_is_not_put_back(rooms, locks, shared, deeds, ada, bob, kind, where):
    path, token = deeds[kind]
    await locks.lock(bob, shared, path if where == "itself" else "/a", FLAT if where == "itself" else DEEP)

    planned = await undo(rooms, ada, shared, token, is_dry_run=True)
    with pytest.raises(Conflict, match="Somebody else has locked"):
        await undo(rooms, ada, shared, token)

    assert list(reasons(planned).values()) == [Obstacle.LOCKED]
    await undo(rooms, bob, shared, token)


@pytest.mark.parametrize("kind", ["made", "moved", "trashed"])
async def test_a_locked_folder_gets_and_loses_no_names(rooms, locks, shared, deeds, ada, bob, kind):
    await locks.lock(bob, shared, "/a", FLAT)

    with pytest.raises(Conflict, match="Somebody else has locked"):
        await undo(rooms, ada, shared, deeds[kind][1])


@pytest.mark.parametrize("kind", ["written", "tagged"])
async def test_what_is_in_a_locked_folder_gets_its_content_and_tags_back(rooms, locks, shared, deeds, ada, bob, kind):
    await locks.lock(bob, shared, "/a", FLAT)

    await undo(rooms, ada, shared, deeds[kind][1])


async def test_a_folder_that_holds_what_is_locked_stays_where_it_is(rooms, locks, put, shared, ada, bob):
    await put(ada, "/a/b/c")
    moved = await rooms.files.move(ada, shared, "/a", "/z")
    await locks.lock(bob, shared, "/z/b/c", FLAT)

    planned = await undo(rooms, ada, shared, moved.undo, is_dry_run=True)

    assert reasons(planned) == {"/z": Obstacle.LOCKED}


async def test_the_rest_is_put_back_around_what_is_locked(rooms, locks, shared, deeds, ada, bob):
    await locks.lock(bob, shared, "/a/written", FLAT)

    done = await rooms.history.rollback(
        ada, shared, Deeds(actor=ada.id, since="seq:1", until=None, path="/a"), skip=True
    )

    assert Obstacle.LOCKED in reasons(done).values()
    assert {lock.path for lock in (await locks.find_locks(ada, shared, 10, None)).items} == {"/a/written"}


async def test_the_past_is_not_restored_over_what_is_locked(rooms, locks, put, shared, ada, bob):
    await put(ada, "/a/one", b"before")
    await put(ada, "/a/two", b"before")
    then = f"seq:{(await rooms.spaces.get_space(ada, shared)).seq}"
    for name in ("one", "two"):
        await put(ada, f"/a/{name}", b"after")
        await rooms.tags.change_tags(ada, shared, f"/a/{name}", [read_tag("colour", "red")], [])
    await locks.lock(bob, shared, "/a/one", FLAT)

    with pytest.raises(Conflict, match="Somebody else has locked"):
        await rooms.returning.give_back(ada, shared, "/a", then)
    done = await rooms.returning.give_back(ada, shared, "/a", then, skip=True)

    assert (done.rewritten, done.retagged) == (1, 1)
    assert reasons(done) == {"/a/one": Obstacle.LOCKED}


async def test_ones_own_share_of_a_lock_is_enough(rooms, locks, shared, deeds, ada, bob):
    path, token = deeds["written"]
    await locks.lock(bob, shared, path, SHARED)
    await locks.lock(ada, shared, path, SHARED)

    await undo(rooms, ada, shared, token)

    assert len((await locks.find_locks(ada, shared, 10, None)).items) == 2


@pytest.mark.parametrize("kind", ["made", "moved"])
async def test_ones_own_lock_ends_with_what_goes_elsewhere(rooms, locks, shared, deeds, ada, kind):
    path, token = deeds[kind]
    await locks.lock(ada, shared, path, FLAT)

    undone = await undo(rooms, ada, shared, token)

    assert not (await locks.find_locks(ada, shared, 10, None)).items
    await undo(rooms, ada, shared, str(undone.undo))
    assert not (await locks.find_locks(ada, shared, 10, None)).items


async def test_a_lock_that_ended_keeps_nobody_from_putting_back(rooms, locks, shared, deeds, ada, bob):
    path, token = deeds["written"]
    await locks.lock(bob, shared, path, FLAT)
    rooms.clock.advance(timedelta(minutes=11))

    await undo(rooms, ada, shared, token)
