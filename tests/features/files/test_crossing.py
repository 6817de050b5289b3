"""Copies and moves between two spaces: all of it or nothing, and never a loss."""

import asyncio
import contextlib
import dataclasses
import hashlib
import random
from datetime import timedelta

import pytest

from cloudconnect.features.files import Condition, Crossing, NewItem, read_tag
from cloudconnect.features.files.errors import (
    BadPath,
    Braked,
    CrossingExpired,
    Exists,
    NoParent,
    NoSuchEntry,
    QuotaExceeded,
    RootStays,
    SourceChanged,
    SpaceArchived,
    Stale,
)
from cloudconnect.features.files.service import ferrying, landing
from cloudconnect.features.files.store import properties, spaces
from cloudconnect.features.files.store import uploads as uploads_store
from cloudconnect.kernel.errors import Conflict, Damaged, Denied, NotFound
from cloudconnect.kernel.ids import id_bytes
from cloudconnect.kernel.principal import APPLIANCE, PrincipalKind, Scope

LARGE = bytes(range(256)) * 4_000
COPY = Crossing(space="Photos", path="/a", into="Family", target="/b")
MOVE = dataclasses.replace(COPY, is_move=True)


async def put(rooms, who, space, path, raw=b"content", **options):
    async def stream():
        yield raw

    return await rooms.files.put_file(who, space, path, stream(), parents=True, **options)


async def tell(rooms, who, space, path):
    """Return everything below *path*: relative path, what it holds, its time and type."""
    found = await rooms.files.find_descendants(who, space, path, limit=10_000)
    told = {}
    for entry in found.items:
        below = entry.path.removeprefix(path.rstrip("/"))
        raw = None if entry.is_folder else await read(rooms, who, space, entry.path)
        told[below] = (raw, entry.modified_ns, entry.media_type, entry.sha256)
    return told


async def read(rooms, who, space, path):
    opened = await rooms.files.open_file(who, space, path)
    return b"".join([piece async for piece in opened.read(0, None)])


async def held(rooms):
    """Return how many contents are held that have no names."""

    def count(sql):
        return sql.row("SELECT COUNT(*) FROM upload_chunk")[0]

    await rooms.uploads.remove_expired()
    return await rooms.database.read(count)


@pytest.fixture
async def two(rooms, ada):
    """Two spaces of ada's, one with a tree in it."""
    await rooms.spaces.create(ada, "Photos")
    await rooms.spaces.create(ada, "Family")
    await put(rooms, ada, "Photos", "/a/one.txt", b"one", modified_ns=1_234_567_890)
    await put(rooms, ada, "Photos", "/a/deep/er/large.bin", LARGE, media_type="image/x-odd")
    await put(rooms, ada, "Photos", "/a/deep/empty", b"")
    await rooms.files.add_folder(ada, "Photos", "/a/bare")
    return rooms


async def test_a_tree_crosses_with_all_that_is_said_about_it(two, ada):
    before = await tell(two, ada, "Photos", "/a")

    crossed = await two.crossing.cross(ada, COPY)

    assert crossed.entry.path == "/b"
    assert await tell(two, ada, "Family", "/b") == before == await tell(two, ada, "Photos", "/a")
    assert await held(two) == 0
    used = await two.spaces.get_space(ada, "Family")
    assert used.used_bytes == 3 + len(LARGE)


async def test_a_file_crosses_alone_and_into_the_root(two, ada):
    crossed = await two.crossing.cross(ada, dataclasses.replace(COPY, path="/a/one.txt", target="/one.txt"))

    assert await read(two, ada, "Family", "/one.txt") == b"one"
    assert crossed.entry.modified_ns == 1_234_567_890


async def test_a_whole_space_crosses_into_a_folder_but_is_not_moved(two, ada):
    await two.crossing.cross(ada, dataclasses.replace(COPY, path="/"))

    assert await tell(two, ada, "Family", "/b/a") == await tell(two, ada, "Photos", "/a")
    with pytest.raises(RootStays):
        await two.crossing.cross(ada, dataclasses.replace(MOVE, path="/", target="/c"))


async def test_contents_are_kept_under_the_other_spaces_keys(two, ada):
    family = await two.spaces.get_space(ada, "Family")

    await two.crossing.cross(ada, COPY)

    assert (family.id, hashlib.sha256(LARGE).digest()) in two.vault.contents


async def test_tags_and_properties_go_along(two, ada):
    entry = await two.files.get_entry(ada, "Photos", "/a/one.txt")

    def say(unit):
        properties.write(unit.sql, entry.node, {"{x}y": "<z/>"})

    await two.log.commit(say, actor=ada)
    await two.tags.change_tags(ada, "Photos", "/a/one.txt", [read_tag("stars", "5")], [])

    await two.crossing.cross(ada, COPY)

    copied = await two.files.get_entry(ada, "Family", "/b/one.txt")
    said = await two.database.read(lambda sql: properties.find(sql, [copied.node]))
    assert said == {copied.node: {"{x}y": "<z/>"}}
    told = await two.tags.find_tags(ada, "Family", "/b/one.txt")
    assert [(tag.name, tag.value.text) for tag in told] == [("stars", "5")]


async def test_a_copy_shows_the_past_when_asked(two, ada):
    seq = (await two.spaces.get_space(ada, "Photos")).seq
    await put(two, ada, "Photos", "/a/one.txt", b"two", condition=Condition(is_whatever=True))

    await two.crossing.cross(ada, dataclasses.replace(COPY, at=str(seq)))

    assert await read(two, ada, "Family", "/b/one.txt") == b"one"


async def test_a_shallow_copy_is_the_folder_alone(two, ada):
    await two.crossing.cross(ada, dataclasses.replace(COPY, is_shallow=True))

    assert await tell(two, ada, "Family", "/b") == {}


async def test_a_move_takes_the_original_away_in_the_same_unit(two, ada):
    before = await tell(two, ada, "Photos", "/a")

    crossed = await two.crossing.cross(ada, MOVE)

    assert await tell(two, ada, "Family", "/b") == before
    with pytest.raises(NoSuchEntry):
        await two.files.get_entry(ada, "Photos", "/a")
    assert [each.path for each in (await two.files.find_trash(ada, "Photos", 10, None)).items] == ["/a"]
    assert crossed.source_undo


async def test_both_ends_of_a_move_are_taken_back(two, ada):
    before = await tell(two, ada, "Photos", "/a")
    crossed = await two.crossing.cross(ada, MOVE)

    await two.history.undo(ada, "Family", token=crossed.undo)
    await two.history.undo(ada, "Photos", token=crossed.source_undo)

    assert await tell(two, ada, "Photos", "/a") == before
    with pytest.raises(NoSuchEntry):
        await two.files.get_entry(ada, "Family", "/b")


async def test_an_undone_copy_leaves_its_original(two, ada):
    crossed = await two.crossing.cross(ada, COPY)

    await two.history.undo(ada, "Family", token=crossed.undo)

    assert crossed.source_undo == ""
    assert await tell(two, ada, "Family", "/") == {}
    assert "/one.txt" in await tell(two, ada, "Photos", "/a")


async def meanwhile(two, monkeypatch, act):
    """Have *act* done while contents are on their way."""
    write_many = two.vault.write_many

    async def acting(space, contents):
        stored = await write_many(space, contents)
        await act()
        return stored

    monkeypatch.setattr(two.vault, "write_many", acting)


async def test_a_move_leaves_an_original_that_changed_meanwhile_and_the_copy_too(two, ada, monkeypatch):
    await meanwhile(two, monkeypatch, lambda: put(two, ada, "Photos", "/a/deep/er/new", b"late"))

    with pytest.raises(SourceChanged) as refusal:
        await two.crossing.cross(ada, MOVE)

    assert "/deep/er/new" in await tell(two, ada, "Photos", "/a")
    copied = await tell(two, ada, "Family", "/b")
    assert "/one.txt" in copied
    assert "/deep/er/new" not in copied
    assert "undo spc_" in str(refusal.value.fix)
    assert await held(two) == 0


async def test_a_move_leaves_what_somebody_took_away_meanwhile_and_the_copy(two, ada, monkeypatch):
    before = await tell(two, ada, "Photos", "/a")
    await meanwhile(two, monkeypatch, lambda: two.files.move(ada, "Photos", "/a", "/elsewhere"))

    with pytest.raises(SourceChanged):
        await two.crossing.cross(ada, MOVE)

    assert await tell(two, ada, "Photos", "/elsewhere") == before == await tell(two, ada, "Family", "/b")


async def test_a_copy_shows_one_moment_whatever_changes_meanwhile(two, ada, monkeypatch):
    before = await tell(two, ada, "Photos", "/a")

    async def change():
        await put(two, ada, "Photos", "/a/one.txt", b"late", condition=Condition(is_whatever=True))
        await two.files.trash(ada, "Photos", "/a/deep", Condition(is_whatever=True))
        await put(two, ada, "Photos", "/a/zzz", b"late", condition=Condition(is_whatever=True))

    await meanwhile(two, monkeypatch, change)
    await two.crossing.cross(ada, COPY)

    assert await tell(two, ada, "Family", "/b") == before


async def test_nothing_is_there_when_the_target_is_taken_meanwhile(two, ada, monkeypatch):
    await meanwhile(two, monkeypatch, lambda: put(two, ada, "Family", "/b", b"mine"))

    with pytest.raises(Exists):
        await two.crossing.cross(ada, MOVE)

    assert await read(two, ada, "Family", "/b") == b"mine"
    assert "/one.txt" in await tell(two, ada, "Photos", "/a")
    assert await held(two) == 0


@pytest.mark.parametrize("is_swept", [True, False])
@pytest.mark.parametrize("until_end", [True, False])
async def test_what_was_given_up_meanwhile_lands_no_more_and_holds_nothing(two, ada, monkeypatch, is_swept, until_end):
    """As when somebody cancels it, or its space is destroyed, while a portion is on its way."""
    family = (await two.spaces.get_space(ada, "Family")).id

    async def give_up():
        if is_swept:
            await two.log.commit(lambda unit: uploads_store.remove_space(unit.sql, family), actor=APPLIANCE)
        else:
            await two.log.commit(lambda unit: unit.sql.execute("UPDATE upload SET state = 'removed'"), actor=APPLIANCE)

    if until_end:
        carry = two.crossing.carry

        async def carry_and_give_up(*arguments):
            await carry(*arguments)
            await give_up()

        monkeypatch.setattr(two.crossing, "carry", carry_and_give_up)
    else:
        await meanwhile(two, monkeypatch, give_up)
    with pytest.raises(CrossingExpired):
        await two.crossing.cross(ada, MOVE)

    assert await tell(two, ada, "Family", "/") == {}
    assert "/one.txt" in await tell(two, ada, "Photos", "/a")
    assert await held(two) == 0


async def test_who_stops_waiting_leaves_nothing_behind(two, ada, monkeypatch):
    reached = asyncio.Event()

    async def wait():
        reached.set()
        await asyncio.Event().wait()

    await meanwhile(two, monkeypatch, wait)
    crossing = asyncio.create_task(two.crossing.cross(ada, MOVE))
    await reached.wait()
    crossing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await crossing

    assert await tell(two, ada, "Family", "/") == {}
    assert "/one.txt" in await tell(two, ada, "Photos", "/a")
    assert await held(two) == 0


async def test_what_cannot_be_read_ends_it_with_nothing_done(two, ada):
    for (space, name), raw in list(two.vault.contents.items()):
        if raw == LARGE:
            two.vault.contents[space, name] = b"other"

    with pytest.raises((Damaged, LookupError)):
        await two.crossing.cross(ada, MOVE)

    assert await tell(two, ada, "Family", "/") == {}
    assert "/one.txt" in await tell(two, ada, "Photos", "/a")


async def test_a_taken_name_is_refused_or_replaced(two, ada):
    await put(two, ada, "Family", "/b", b"there")

    with pytest.raises(Exists):
        await two.crossing.cross(ada, COPY)
    await two.crossing.cross(ada, dataclasses.replace(COPY, replace=True))

    assert "/one.txt" in await tell(two, ada, "Family", "/b")
    assert [each.path for each in (await two.files.find_trash(ada, "Family", 10, None)).items] == ["/b"]


async def test_the_folder_of_the_target_must_be_there(two, ada):
    with pytest.raises(NoParent):
        await two.crossing.cross(ada, dataclasses.replace(COPY, target="/no/b"))


async def test_the_quota_of_the_target_holds(two, ada):
    family = await two.spaces.get_space(ada, "Family")
    await two.log.commit(lambda unit: spaces.set_quota(unit.sql, family.id, 1_000), actor=APPLIANCE)

    with pytest.raises(QuotaExceeded):
        await two.crossing.cross(ada, COPY)

    assert await held(two) == 0


async def test_the_quota_is_asked_again_at_the_end(two, ada, monkeypatch):
    family = await two.spaces.get_space(ada, "Family")
    bound = len(LARGE) + 3
    await two.log.commit(lambda unit: spaces.set_quota(unit.sql, family.id, bound), actor=APPLIANCE)
    await meanwhile(two, monkeypatch, lambda: put(two, ada, "Family", "/x", b"x"))

    with pytest.raises(QuotaExceeded):
        await two.crossing.cross(ada, COPY)

    assert set(await tell(two, ada, "Family", "/")) == {"/x"}


async def test_an_archived_space_takes_nothing_in_and_gives_nothing_away(two, ada):
    await two.spaces.change(ada, "Family", archived=True)
    with pytest.raises(SpaceArchived):
        await two.crossing.cross(ada, COPY)
    await two.spaces.change(ada, "Family", archived=False)
    await two.spaces.change(ada, "Photos", archived=True)

    with pytest.raises(SpaceArchived):
        await two.crossing.cross(ada, MOVE)
    await two.crossing.cross(ada, COPY)


async def test_rights_are_decided_at_both_ends(two, ada, bob):
    await two.spaces.create(ada, "Bobs", owner="bob")
    with pytest.raises(NotFound):
        await two.crossing.cross(bob, dataclasses.replace(COPY, into="Bobs"))
    photos = (await two.spaces.get_space(ada, "Photos")).id
    with pytest.raises(NotFound):
        await two.crossing.cross(bob, dataclasses.replace(COPY, space=photos, into="Bobs"))
    await put(two, bob, "Bobs", "/mine", b"mine")
    with pytest.raises(NotFound):
        await two.crossing.cross(bob, dataclasses.replace(COPY, space="Bobs", path="/mine", into=photos))


async def test_a_token_that_may_only_read_neither_copies_nor_moves(two, ada):
    reader = dataclasses.replace(ada, scopes=frozenset({Scope.FILES_READ}))

    with pytest.raises(Denied):
        await two.crossing.cross(reader, COPY)


async def test_a_move_keeps_to_its_condition(two, ada):
    with pytest.raises(Stale):
        await two.crossing.cross(
            ada,
            dataclasses.replace(MOVE, path="/a/one.txt", condition=Condition(if_match=frozenset({"other"}))),
        )


async def test_the_brake_of_the_source_counts_what_moves_away(two, ada):
    program = dataclasses.replace(ada, kind=PrincipalKind.PROGRAM, credential="tok_1")
    items = [NewItem(f"/many/{number}", b"x", None, None) for number in range(250)]
    await two.intake.put_many(ada, "Photos", items)
    two.clock.advance(timedelta(hours=1))

    await two.crossing.cross(program, dataclasses.replace(MOVE, path="/many", target="/many"))

    with pytest.raises(Braked):
        await two.crossing.cross(program, MOVE)


async def test_inside_one_space_it_is_a_plain_copy_or_move(two, ada):
    await two.crossing.cross(ada, dataclasses.replace(COPY, into="Photos"))
    await two.crossing.cross(ada, dataclasses.replace(MOVE, path="/b", into="Photos", target="/c"))

    assert await tell(two, ada, "Photos", "/c") == await tell(two, ada, "Photos", "/a")


async def test_what_was_carried_is_not_carried_again(two, ada, monkeypatch):
    route = await two.crossing.find_route(ada, COPY)
    identifier = await two.crossing.begin(route)
    await two.crossing.carry(ada, route, identifier, lambda _: None)
    again = []

    await two.crossing.carry(ada, route, identifier, again.append)
    crossed = await two.crossing.land(ada, route, identifier)

    assert again == []
    assert crossed.entry.path == "/b"


async def test_contents_on_their_way_are_held_until_they_expire(two, ada):
    route = await two.crossing.find_route(ada, COPY)
    identifier = await two.crossing.begin(route)
    await two.crossing.carry(ada, route, identifier, lambda _: None)
    key = hashlib.sha256(LARGE).digest()[:16]

    assert await two.database.read(lambda sql: uploads_store.HeldUploads().find_held(sql, [key])) == {key}
    unlisted = await two.database.read(lambda sql: uploads_store.HeldUploads().find_unlisted(sql, b"", 100))
    family = await two.spaces.get_space(ada, "Family")
    assert (key, id_bytes(family.id), hashlib.sha256(LARGE).digest()) in unlisted
    two.clock.advance(timedelta(days=8))
    assert await held(two) == 0


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_crosses_is_equal(rooms, ada, monkeypatch, seed):
    """Random trees, in portions so small that every border between two of them is met."""
    chance = random.Random(seed)
    monkeypatch.setattr(ferrying, "_AT_ONCE", chance.randint(1, 3))
    monkeypatch.setattr(landing, "_AT_ONCE", chance.randint(1, 3))
    for name in ("Photos", "Family"):
        await rooms.spaces.create(ada, name)
    await rooms.files.add_folder(ada, "Photos", "/a")
    for _ in range(25):
        path = "/a/" + "/".join(chance.choice("abäZ1 ") for _ in range(chance.randint(1, 4)))
        raw = chance.choice([b"", chance.randbytes(9), LARGE[: chance.choice([1, 131_072, 131_073, 300_000])]])
        with contextlib.suppress(Conflict, BadPath):
            if chance.random() < 0.3:
                await rooms.files.add_folder(ada, "Photos", path, parents=True, modified_ns=chance.randrange(1 << 60))
            else:
                await put(rooms, ada, "Photos", path, raw, modified_ns=chance.randrange(1 << 60))

    before = await tell(rooms, ada, "Photos", "/a")
    await rooms.crossing.cross(ada, MOVE if seed % 2 else COPY)

    assert await tell(rooms, ada, "Family", "/b") == before
