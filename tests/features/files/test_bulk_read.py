"""Many small files out at once, by node: each is decided by itself."""

import pytest

from cloudconnect.features.files import Condition, NewItem
from cloudconnect.kernel.errors import CloudConnectError, Denied, NotFound
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.access import Resource, Role
from cloudconnect.ports.vault import SMALL_BYTES


async def put(rooms, who, **files):
    items = [NewItem(f"/{path.replace('__', '/')}", raw, 1) for path, raw in files.items()]
    return [entry.node for entry in (await rooms.intake.put_many(who, "personal", items)).outcomes]


async def read(rooms, who, nodes, space="personal", at=None):
    opened = await rooms.files.open_files(who, space, nodes, at)
    found = {place: raw async for portion in opened.read() for place, raw in portion}
    return [
        outcome.code if isinstance(outcome, CloudConnectError) else found[place]
        for place, outcome in enumerate(opened.outcomes)
    ]


async def test_files_of_many_folders_come_in_the_order_asked_for(rooms, ada):
    nodes = await put(rooms, ada, a__b__one=b"1", a__two=b"2", three=b"3")

    assert await read(rooms, ada, [*reversed(nodes), nodes[0]]) == [b"3", b"2", b"1", b"1"]


async def test_what_is_no_small_file_is_refused_by_itself(rooms, ada):
    folder, kept, trashed, below = await put(rooms, ada, d=None, kept=b"kept", old=b"old", gone__deep__file=b"x")
    large = await rooms.files.put_file(ada, "personal", "/large", _stream(bytes(SMALL_BYTES + 1)))
    for path in ("/old", "/gone"):
        await rooms.files.trash(ada, "personal", path, Condition(if_match=frozenset({"*"})))

    codes = await read(rooms, ada, [folder, trashed, below, NodeId("nod_x"), large.entry.node, kept])

    assert codes == ["files.not-a-file", *["files.not-found"] * 3, "files.not-small", b"kept"]


async def test_the_past_is_read_as_it_was(rooms, ada):
    (node, below) = await put(rooms, ada, file=b"one", d__x=b"x")
    then = f"seq:{(await rooms.spaces.get_space(ada, 'personal')).seq}"
    await rooms.intake.put_many(ada, "personal", [NewItem("/file", b"two", 1, "*")])
    await rooms.files.trash(ada, "personal", "/d", Condition(if_match=frozenset({"*"})))

    assert await read(rooms, ada, [node, below]) == [b"two", "files.not-found"]
    assert await read(rooms, ada, [node, below], at=then) == [b"one", b"x"]


async def test_strangers_learn_nothing_and_a_grant_opens_what_lies_below_it(rooms, ada, bob):
    shown, alone, hidden = await put(rooms, ada, a__shown=b"s", b__alone=b"a", b__hidden=b"h")
    space = await rooms.spaces.get_space(ada, "personal")
    folder = (await rooms.files.get_entry(ada, "personal", "/a")).node
    beside = (await rooms.files.get_entry(ada, "personal", "/b")).node
    asked = [shown, alone, hidden, NodeId("nod_x")]
    assert await read(rooms, bob, asked, space.id) == ["access.not-found"] * 4

    for line in ((space.root, folder), (space.root, beside, alone)):
        await rooms.log.commit(
            lambda unit, line=line: rooms.access.add_grant(
                unit.sql, bob.id, Resource(space.id, line), Role.VIEW, unit.now_ms
            ),
            actor=ada,
        )

    assert await read(rooms, bob, asked, space.id) == [b"s", b"a", "access.not-found", "access.not-found"]


async def test_a_space_that_is_not_there_is_refused_as_a_whole(rooms, bob):
    with pytest.raises((Denied, NotFound)):
        await rooms.files.open_files(bob, SpaceId("spc_00000000000000000000000000"), [])


async def _stream(data):
    yield data
