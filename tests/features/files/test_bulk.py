"""Many small items in one request: each is decided by itself, and all that is done is done at once."""

import pytest

from cloudconnect.features.files import Entry, NewItem
from cloudconnect.kernel.errors import CloudConnectError, Denied, NotFound
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.vault import SMALL_BYTES


async def put(rooms, who, *items):
    return (await rooms.intake.put_many(who, "personal", list(items))).outcomes


def codes(outcomes):
    return [outcome.code if isinstance(outcome, CloudConnectError) else "" for outcome in outcomes]


async def read(rooms, who, path):
    opened = await rooms.files.open_file(who, "personal", path)
    return b"".join([piece async for piece in opened.read(0, None)])


async def test_files_and_folders_come_in_together(rooms, ada):
    items = [
        NewItem("/a/b/one.txt", b"one", 5),
        NewItem("/a/two.txt", b"two", None),
        NewItem("/a/empty", None, 7),
        NewItem("/nothing", b"", 9),
    ]

    outcomes = await put(rooms, ada, *items)

    assert [outcome.path for outcome in outcomes] == [item.path for item in items]
    assert [await read(rooms, ada, path) for path in ("/a/b/one.txt", "/a/two.txt", "/nothing")] == [
        b"one",
        b"two",
        b"",
    ]
    folder = await rooms.files.get_entry(ada, "personal", "/a/empty")
    assert (folder.is_folder, folder.modified_ns) == (True, 7)
    assert (await rooms.files.get_entry(ada, "personal", "/a/b/one.txt")).media_type == "text/plain"


async def test_a_refused_item_keeps_no_other_out(rooms, ada):
    await put(rooms, ada, NewItem("/file", b"x", 1), NewItem("/folder", None, 1))

    outcomes = await put(
        rooms,
        ada,
        NewItem("/file", b"new", 1),
        NewItem("/file/below", b"new", 1),
        NewItem("/folder", b"new", 1),
        NewItem("/bad//name", b"new", 1),
        NewItem("/", b"new", 1),
        NewItem("/fine", b"new", 1),
        NewItem("/fine", b"again", 1),
        NewItem("/large", bytes(SMALL_BYTES + 1), 1),
        NewItem("/file", None, 1),
        NewItem("/gone", b"x", 1, '"nod_x"'),
    )

    assert codes(outcomes) == [
        "files.stale",
        "files.not-a-folder",
        "files.not-a-file",
        "files.bad-path",
        "files.not-a-file",
        "",
        "files.named-twice",
        "files.not-small",
        "files.named-twice",
        "files.stale",
    ]
    assert await read(rooms, ada, "/fine") == b"new"
    assert await read(rooms, ada, "/file") == b"x"


async def test_another_version_needs_the_etag_of_the_one_that_is_meant(rooms, ada):
    (first,) = await put(rooms, ada, NewItem("/f", b"1", 1))
    (second,) = await put(rooms, ada, NewItem("/f", b"2", 1, first.etag))

    outcomes = await put(rooms, ada, NewItem("/f", b"3", 1, first.etag))
    (third,) = await put(rooms, ada, NewItem("/f", b"4", 1, "*"))

    assert codes(outcomes) == ["files.stale"]
    assert second.node == first.node == third.node
    assert await read(rooms, ada, "/f") == b"4"
    past = await rooms.files.open_file(ada, "personal", "/f", at=f"seq:{second.from_seq}")
    assert b"".join([piece async for piece in past.read(0, None)]) == b"2"


async def test_a_folder_does_not_hide_behind_a_file(rooms, ada):
    await put(rooms, ada, NewItem("/f", b"1", 1))

    assert codes(await put(rooms, ada, NewItem("/f", None, 1))) == ["files.exists"]


async def test_a_folder_that_is_there_is_left_as_it_is(rooms, ada):
    (first,) = await put(rooms, ada, NewItem("/d", None, 1))
    (again,) = await put(rooms, ada, NewItem("/d", None, 2))

    assert again == first


async def test_an_empty_list_is_no_error(rooms, ada):
    assert await put(rooms, ada) == []


async def test_nobody_puts_into_a_space_they_may_not_write(rooms, ada, bob):
    space = (await rooms.spaces.find_spaces(ada, 1, None)).items[0]
    batch = await rooms.intake.put_many(bob, space.id, [NewItem("/x", b"x", 1)])
    absent = await rooms.intake.put_many(bob, SpaceId("spc_00000000000000000000000000"), [NewItem("/x", b"x", 1)])

    assert isinstance(batch.outcomes[0], Denied | NotFound)
    assert isinstance(absent.outcomes[0], NotFound)
    assert not rooms.vault.contents


async def test_only_those_who_may_write_the_whole_space_learn_how_it_names_content(rooms, ada, bob):
    space = (await rooms.spaces.find_spaces(ada, 1, None)).items[0]
    assert (await rooms.intake.get_cutting(ada, "personal")).name_key == b"n" * 32
    for ask in (
        rooms.intake.get_cutting(bob, space.id),
        rooms.intake.find_missing(bob, space.id, [bytes(32)]),
        rooms.intake.add_chunks(bob, space.id, [b"x"]),
        rooms.intake.put_assembled(bob, space.id, "/x", [(bytes(32), 1)]),
    ):
        with pytest.raises((Denied, NotFound)):
            await ask


@pytest.mark.parametrize("count", [1, 500])
async def test_what_is_written_is_one_moment(rooms, ada, count):
    outcomes = await put(rooms, ada, *(NewItem(f"/many/{number}", b"%d" % number, 1) for number in range(count)))

    assert all(isinstance(outcome, Entry) for outcome in outcomes)
    page = await rooms.files.find_children(ada, "personal", "/many", limit=1000)
    assert len(page.items) == count
