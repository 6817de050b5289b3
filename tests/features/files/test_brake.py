"""A session that removes or overwrites too much is stopped; whoever works as usual never notices."""

import dataclasses
from datetime import timedelta

import pytest

from cloudconnect.features.files import BrakeService, Condition, NewItem
from cloudconnect.features.files.errors import BadExpectation, Braked, NoSuchBrake, OwnBrake
from cloudconnect.features.files.moments import Deeds
from cloudconnect.kernel.errors import Denied, NotFound
from cloudconnect.kernel.principal import Principal, PrincipalKind

ANYTHING = Condition(if_match=frozenset({"*"}))


async def stream(data):
    yield data


async def put(rooms, principal, path, data=b"content", **options):
    return await rooms.files.put_file(principal, "personal", path, stream(data), **options)


async def fill(rooms, ada, count, folder="/f"):
    items = [NewItem(f"{folder}/{number:05}.txt", b"%d" % number, None) for number in range(count)]
    assert all(hasattr(each, "node") for each in (await rooms.intake.put_many(ada, "personal", items)).outcomes)
    rooms.clock.advance(timedelta(hours=1))


async def listing(rooms, principal):
    page = await rooms.files.find_descendants(principal, "personal", "/", limit=20_000)
    return {entry.path: entry.sha256 for entry in page.items}


async def remove(rooms, principal, numbers, folder="/f"):
    """Remove file after file until that is refused; return how many were."""
    done = 0
    for number in numbers:
        try:
            await rooms.files.trash(principal, "personal", f"{folder}/{number:05}.txt", ANYTHING)
        except Braked:
            return done
        done += 1
    return done


@pytest.fixture
def brake(rooms):
    return BrakeService(rooms.log, rooms.database, rooms.clock, rooms.guide)


@pytest.fixture
def program(ada):
    """A token of ada's: what a sync client or somebody who stole it uses."""
    return Principal(ada.id, PrincipalKind.PROGRAM, "ada", credential="tok_a")


async def stopped(brake, ada):
    return [each for each in (await brake.find_brakes(ada, "personal", 10, None)).items if each.lifted is None]


async def test_five_thousand_removals_are_stopped_at_two_hundred_and_taken_back_to_the_bit(rooms, ada, program, brake):
    await fill(rooms, ada, 5_000)
    before = await listing(rooms, ada)

    assert await remove(rooms, program, range(5_000)) == 200

    (found,) = await stopped(brake, ada)
    assert (found.session, found.reason, found.changes) == ("tok_a", "mass-change", 200)
    for attempt in (
        put(rooms, program, "/new.txt"),
        rooms.files.move(program, "personal", "/f/04000.txt", "/g.txt"),
        rooms.files.add_folder(program, "personal", "/folder"),
        rooms.files.trash(program, "personal", "/f", ANYTHING),
    ):
        with pytest.raises(Braked):
            await attempt
    refused = await rooms.intake.put_many(program, "personal", [NewItem("/x", b"x", None)])
    assert isinstance(refused.outcomes[0], Braked)
    assert len(await listing(rooms, program)) == 4_801
    await rooms.history.rollback(ada, "personal", Deeds(frozenset({"tok_a"}), None, None, None, "/"))
    assert await listing(rooms, ada) == before


async def test_other_sessions_go_on(rooms, ada, program, brake):
    await fill(rooms, ada, 400)
    await remove(rooms, program, range(400))
    await put(rooms, ada, "/new.txt")
    other = dataclasses.replace(program, credential="tok_b")
    assert await remove(rooms, other, range(300, 310)) == 10


async def test_what_was_announced_is_not_counted(rooms, ada, program, brake):
    await fill(rooms, ada, 3_000)
    await brake.expect(program, "personal", 1_000)
    assert await remove(rooms, program, range(1_300)) == 1_200
    with pytest.raises(BadExpectation):
        await brake.expect(program, "personal", -1)


async def test_an_announcement_ends_after_an_hour(rooms, ada, program, brake):
    await fill(rooms, ada, 1_000)
    await brake.expect(program, "personal", 1_000)
    rooms.clock.advance(timedelta(minutes=61))
    assert await remove(rooms, program, range(1_000)) == 200


async def test_overwriting_counts_as_well_one_by_one_and_in_bulk(rooms, ada, program, brake):
    await fill(rooms, ada, 1_000)
    items = [NewItem(f"/f/{number:05}.txt", b"other", None, "*") for number in range(150)]
    await rooms.intake.put_many(program, "personal", items)
    assert await stopped(brake, ada) == []
    for number in range(200, 250):
        await put(rooms, program, f"/f/{number:05}.txt", condition=ANYTHING)
    assert len(await stopped(brake, ada)) == 1


async def test_usual_work_is_never_stopped(rooms, ada, program, brake):
    await fill(rooms, program, 3_000)  # unpacking
    for number in range(150):  # a sync client that brings changes
        await put(rooms, program, f"/f/{number:05}.txt", b"changed", condition=ANYTHING)
    rooms.clock.advance(timedelta(minutes=2))
    for number in range(300):  # tidying, not in a minute
        await rooms.files.trash(program, "personal", f"/f/{number + 1000:05}.txt", ANYTHING)
        rooms.clock.advance(timedelta(seconds=1))
    for number in range(300):  # moving
        await rooms.files.move(program, "personal", f"/f/{number + 2000:05}.txt", f"/m{number}.txt")
    assert await stopped(brake, ada) == []


async def test_what_was_made_a_moment_ago_may_go(rooms, ada, program, brake):
    for number in range(500):
        await put(rooms, program, f"/{number}.tmp")
        await rooms.files.trash(program, "personal", f"/{number}.tmp", ANYTHING)
    assert await stopped(brake, ada) == []


async def test_a_fifth_of_a_small_space_is_much(rooms, ada, program, brake):
    await fill(rooms, ada, 240)
    assert await remove(rooms, program, range(240)) < 80
    assert (await stopped(brake, ada))[0].reason == "part-of-space"


async def test_a_person_who_removes_a_folder_means_it_and_a_program_has_to_say_so(rooms, ada, program, brake):
    for folder in ("/a", "/b", "/c"):
        await fill(rooms, ada, 500, folder)
    await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    assert await stopped(brake, ada) == []
    await rooms.files.trash(program, "personal", "/b", ANYTHING)
    with pytest.raises(Braked):
        await rooms.files.trash(program, "personal", "/c", ANYTHING)


async def test_new_contents_that_do_not_compress_and_new_extensions_are_a_sign(rooms, ada, program, brake, monkeypatch):
    await fill(rooms, ada, 300)
    write = rooms.vault.write

    async def incompressible(space, content):
        found = await write(space, content)
        return dataclasses.replace(found, stored_bytes=found.size)

    monkeypatch.setattr(rooms.vault, "write", incompressible)
    stopped_at = None
    for number in range(100):
        path = f"/f/{number:05}.txt"
        try:
            await put(rooms, program, path, bytes(4_000), condition=ANYTHING)
            await rooms.files.move(program, "personal", path, f"{path}.locked")
        except Braked:
            stopped_at = number
            break
    assert stopped_at == 20
    assert (await stopped(brake, ada))[0].reason == "scrambled"


async def test_only_who_manages_the_space_lifts_it_and_not_the_session_itself(rooms, ada, bob, program, brake):
    await fill(rooms, ada, 300)
    await remove(rooms, program, range(300))
    (found,) = await stopped(brake, ada)
    space = (await rooms.spaces.get_space(ada, "personal")).id
    with pytest.raises((NotFound, Denied)):
        await brake.lift(bob, space, found.id)
    with pytest.raises((OwnBrake, Denied)):
        await brake.lift(program, "personal", found.id)
    with pytest.raises(NoSuchBrake):
        await brake.lift(ada, "personal", "brk_none")

    lifted = await brake.lift(ada, "personal", found.id)

    assert lifted.lifted is not None
    assert await stopped(brake, ada) == []
    assert await remove(rooms, program, range(250, 260)) == 10


async def test_a_space_says_how_much_is_too_much(rooms, ada, program, brake):
    await fill(rooms, ada, 2_000)
    assert await brake.get_limit(ada, "personal") == 200
    await brake.set_limit(ada, "personal", 30)
    assert await remove(rooms, program, range(100)) == 30
    await brake.set_limit(ada, "personal", 0)
    other = dataclasses.replace(program, credential="tok_b")
    assert await remove(rooms, other, range(100, 900)) == 800
    with pytest.raises(BadExpectation):
        await brake.set_limit(ada, "personal", 3)


async def test_what_is_long_past_is_forgotten(rooms, ada, program, brake):
    await fill(rooms, ada, 300)
    await remove(rooms, program, range(10))
    rooms.clock.advance(timedelta(hours=3))
    await brake.remove_old()
    rows = await rooms.database.read(lambda sql: sql.rows("SELECT * FROM brake_window"))
    assert rows == []
