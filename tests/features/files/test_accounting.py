"""What folders take in the store, and quotas that hold whoever comes at once."""

import asyncio
import hashlib
import random
from types import SimpleNamespace

import pytest

from cloudconnect.features.files import AccountingService, Condition, Entry, NewItem
from cloudconnect.features.files.store import usage
from cloudconnect.kernel.errors import CloudConnectError, Denied, Invalid, NoSpace, NotFound
from cloudconnect.kernel.ids import id_bytes
from cloudconnect.storage import index
from cloudconnect.storage.index import ChunkRow, Place, StoredPack

ANYTHING = Condition(if_match=frozenset({"*"}))
SIDE = 100


class Progress:
    """Lets an operation run to its end."""

    checkpoint = ""

    def report(self, done, total, note=""):
        pass

    def keep(self, checkpoint):
        pass

    def check(self):
        pass


def key_of(text):
    return hashlib.sha256(text).digest()[:16]


@pytest.fixture
def accounting(rooms, monkeypatch):
    """Accounting over a vault that cuts content at every dot and keeps the pieces in the real index."""

    def settle(sql, space, stored):
        for content in getattr(stored, "contents", [stored]):
            raw = rooms.vault.contents[space, content.manifest]
            chunks = [piece for piece in raw.split(b".") if piece]
            if not chunks:
                continue
            names = {key_of(chunk): len(chunk) + SIDE for chunk in chunks}
            pieces = ()
            if len(chunks) > 1:
                names[content.key] = 40 * len(chunks) + SIDE
                pieces = tuple(names)
            pack_id = content.manifest
            rows = [ChunkRow(name, Place(pack_id, 0, length, length)) for name, length in names.items()]
            pack = StoredPack(pack_id, id_bytes(space), 1)
            index.settle(sql, SimpleNamespace(packs=[pack], chunks=rows, reused=(), key=content.key, pieces=pieces))

    monkeypatch.setattr(rooms.vault, "settle", settle)
    return AccountingService(rooms.log, rooms.database, rooms.guide)


async def put(rooms, who, path, raw):
    async def stream():
        yield raw

    condition = ANYTHING
    try:
        await rooms.files.get_entry(who, "personal", path)
    except NotFound:
        condition = Condition()
    return await rooms.files.put_file(who, "personal", path, stream(), condition=condition, parents=True)


async def test_present_past_and_removed_are_told_apart(rooms, ada, accounting):
    await put(rooms, ada, "/a/one", b"12345")
    await put(rooms, ada, "/a/one", b"123")
    await put(rooms, ada, "/a/b/two", b"1234567")
    await put(rooms, ada, "/a/c/three", b"12")
    await put(rooms, ada, "/a/c/three", b"1")
    await put(rooms, ada, "/a/c/four", b"123")
    await rooms.files.trash(ada, "personal", "/a/c/four", ANYTHING)
    await rooms.files.trash(ada, "personal", "/a/c", ANYTHING)

    found = await accounting.find_footprint(ada, "personal", "/a")

    assert (found.files, found.folders) == (2, 1)
    assert (found.logical_bytes, found.version_bytes, found.trash_bytes) == (10, 5, 2 + 1 + 3)
    assert found.unique_bytes == 5 + 3 + 7 + 2 + 1


async def test_what_is_shared_with_another_folder_is_not_freed(rooms, ada, accounting):
    await put(rooms, ada, "/a/mine", b"only mine.and shared")
    await put(rooms, ada, "/a/single", b"a single chunk")
    await put(rooms, ada, "/b/theirs", b"and shared.and theirs")
    await put(rooms, ada, "/b/whole", b"x.a single chunk")

    found = await accounting.find_footprint(ada, "personal", "/a")

    tree, only_mine, shared, single = 2 * 40 + SIDE, 9 + SIDE, 10 + SIDE, 14 + SIDE
    assert found.stored_bytes == tree + only_mine + shared + single
    assert found.freed_bytes == tree + only_mine
    whole = await accounting.find_footprint(ada, "personal", "/")
    assert whole.stored_bytes == whole.freed_bytes == tree * 3 + only_mine + shared + single + 10 + SIDE + 1 + SIDE


async def test_a_copy_takes_nothing_and_frees_nothing(rooms, ada, accounting):
    await put(rooms, ada, "/a/file", b"one.two")
    await rooms.files.copy(ada, "personal", "/a", "/b")
    for path in ("/a", "/b", "/b/file"):
        found = await accounting.find_footprint(ada, "personal", path)
        assert found.stored_bytes > 0
        assert found.freed_bytes == 0
    await rooms.files.copy(ada, "personal", "/a/file", "/a/again")
    await rooms.files.trash(ada, "personal", "/b", ANYTHING)
    assert (await accounting.find_footprint(ada, "personal", "/a")).freed_bytes == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_what_would_be_freed_is_what_nothing_else_needs(rooms, ada, accounting, seed):
    dice = random.Random(seed)
    folders = ["/a", "/a/b", "/a/b/c", "/d", "/d/e"]
    for _ in range(60):
        path = f"{dice.choice(folders)}/{dice.randrange(5)}"
        act = dice.random()
        try:
            if act < 0.6:
                raw = b".".join(b"%d" % dice.randrange(12) for _ in range(dice.randint(0, 4)))
                await put(rooms, ada, path, raw)
            elif act < 0.75:
                await rooms.files.trash(ada, "personal", path if act < 0.72 else dice.choice(folders), ANYTHING)
            elif act < 0.9:
                await rooms.files.copy(ada, "personal", path, f"{dice.choice(folders)}/{dice.randrange(5)}")
            else:
                await rooms.files.move(ada, "personal", path, f"{dice.choice(folders)}/{dice.randrange(5)}")
        except CloudConnectError:
            continue
    for path in ("/", *folders):
        try:
            top = await rooms.files.get_entry(ada, "personal", path)
        except NotFound:
            continue
        expected = await rooms.database.read(lambda sql, top=top: by_hand(sql, top))
        found = await rooms.database.read(lambda sql, top=top: usage.find_footprint(sql, space_of(sql), top))
        assert (found.unique_bytes, found.freed_bytes) == (expected[0], expected[2])
        assert found.stored_bytes == expected[1]
    assert await asyncio.to_thread(accounting.recount, {}, Progress()) == {"spaces_wrong": 0, "wrong_bytes": 0}


def space_of(sql):
    return sql.row("SELECT id FROM space")[0]


def by_hand(sql, top):
    """Return unique, stored and freed bytes, looking at everything there is."""
    parents = dict(sql.rows("SELECT node, parent FROM entry ORDER BY from_seq"))

    def is_below(node):
        while node is not None and node != top.node:
            node = parents[node]
        return node == top.node

    pieces = {}
    for chunk, content in sql.rows("SELECT chunk, content FROM piece"):
        pieces.setdefault(content, set()).add(chunk)
    lengths = dict(sql.rows("SELECT key, length FROM chunk"))
    sizes, inside, outside = {}, set(), set()
    for node, size, content in sql.rows("SELECT node, size, content FROM version"):
        if content is None:
            continue
        needed = {content} | pieces.get(content, set())
        if is_below(node):
            sizes[content] = size
            inside |= needed
        else:
            outside |= needed
    total = sum(lengths.get(chunk, 0) for chunk in inside)
    return sum(sizes.values()), total, sum(lengths.get(chunk, 0) for chunk in inside - outside)


async def test_only_who_may_read_the_space_learns_what_its_folders_take(rooms, ada, bob, accounting):
    await put(rooms, ada, "/a/file", b"one")
    space = await rooms.spaces.get_space(ada, "personal")
    with pytest.raises(NotFound):
        await accounting.find_footprint(bob, space.id, "/a")
    with pytest.raises(NotFound):
        await accounting.find_footprint(ada, "personal", "/nothing")


async def test_a_quota_holds_to_the_byte(rooms, ada, accounting):
    await accounting.set_quota(ada, "personal", 10)
    await put(rooms, ada, "/a", b"1234567")
    with pytest.raises(NoSpace, match=r"7 B of 10 B; 4 B more") as refused:
        await put(rooms, ada, "/b", b"1234")
    assert refused.value.code == "files.quota-exceeded"
    await put(rooms, ada, "/b", b"123")
    await put(rooms, ada, "/a", b"abcdefg")
    with pytest.raises(NoSpace):
        await put(rooms, ada, "/a", b"abcdefgh")
    with pytest.raises(NoSpace):
        await rooms.files.copy(ada, "personal", "/b", "/c")
    await put(rooms, ada, "/a", b"1")
    await rooms.files.copy(ada, "personal", "/b", "/c")
    assert (await rooms.spaces.get_space(ada, "personal")).used_bytes == 7


async def test_what_is_in_the_trash_counts_so_it_can_always_come_back(rooms, ada, accounting):
    await put(rooms, ada, "/a/b", b"12345")
    await accounting.set_quota(ada, "personal", 5)
    gone = await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    with pytest.raises(NoSpace):
        await put(rooms, ada, "/c", b"1")
    await put(rooms, ada, "/empty", b"")
    await rooms.files.restore(ada, "personal", gone.trashed.node)
    assert (await rooms.spaces.get_space(ada, "personal")).used_bytes == 5


async def test_many_at_once_are_refused_one_by_one(rooms, ada, accounting):
    await accounting.set_quota(ada, "personal", 6)
    items = [NewItem("/a", b"1234", None), NewItem("/b", b"123", None), NewItem("/d/c", b"12", None)]
    outcomes = (await rooms.intake.put_many(ada, "personal", items)).outcomes
    assert [isinstance(outcome, Entry) for outcome in outcomes] == [True, False, True]
    assert outcomes[1].code == "files.quota-exceeded"
    again = [NewItem("/a", b"1", None, "*"), NewItem("/b", b"123", None)]
    outcomes = (await rooms.intake.put_many(ada, "personal", again)).outcomes
    assert all(isinstance(outcome, Entry) for outcome in outcomes)
    assert (await rooms.spaces.get_space(ada, "personal")).used_bytes == 6


@pytest.mark.slow
async def test_sixty_four_writers_never_exceed_a_quota(rooms, ada, accounting):
    dice = random.Random(7)
    await accounting.set_quota(ada, "personal", 10_000)

    async def write(number):
        for turn in range(6):
            raw = bytes(dice.randint(1, 120))
            try:
                if turn % 2:
                    await put(rooms, ada, f"/{number}", raw)
                else:
                    await rooms.intake.put_many(ada, "personal", [NewItem(f"/{number}-{turn}", raw, None)])
            except NoSpace:
                pass

    await asyncio.gather(*(write(number) for number in range(64)))
    space = await rooms.spaces.get_space(ada, "personal")
    found = await accounting.find_footprint(ada, "personal", "/")
    assert found.logical_bytes == space.used_bytes <= 10_000
    assert space.used_bytes > 9_800


async def test_only_administrators_set_quotas(rooms, ada, bob, accounting):
    space = await rooms.spaces.get_space(bob, "personal")
    with pytest.raises(Denied):
        await accounting.set_quota(bob, space.id, None)
    with pytest.raises(Denied):
        await accounting.find_spaces(bob, 10, None)
    with pytest.raises(NotFound):
        await accounting.set_quota(ada, "spc_nothing", 1)
    with pytest.raises(Invalid):
        await accounting.set_quota(ada, space.id, -1)
    assert (await accounting.set_quota(ada, space.id, 5)).value.quota_bytes == 5
    await rooms.spaces.get_space(ada, "personal")
    first = await accounting.find_spaces(ada, 1, None)
    rest = await accounting.find_spaces(ada, 10, first.next_cursor)
    assert {each.name for each in (*first.items, *rest.items)} == {"ada", "bob"}


async def test_a_lower_quota_takes_nothing_away(rooms, ada, accounting):
    await put(rooms, ada, "/a", b"12345")
    await accounting.set_quota(ada, "personal", 2)
    await put(rooms, ada, "/a", b"1234")
    with pytest.raises(NoSpace):
        await put(rooms, ada, "/a", b"12345")
    await accounting.set_quota(ada, "personal", None)
    await put(rooms, ada, "/a", b"12345")


async def test_a_wrong_charge_is_found_and_put_right(rooms, ada, accounting):
    await put(rooms, ada, "/a", b"12345")
    await put(rooms, ada, "/a", b"123")
    await rooms.log.commit(lambda unit: unit.sql.execute("UPDATE space SET used_bytes = 1"), actor=ada)
    assert await asyncio.to_thread(accounting.recount, {}, Progress()) == {"spaces_wrong": 1, "wrong_bytes": 2}
    assert (await rooms.spaces.get_space(ada, "personal")).used_bytes == 3
