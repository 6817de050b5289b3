"""Folders of chunks: how long they live, and what one more chunk costs."""

from datetime import timedelta

import pytest

from cloudconnect.features.files import UploadPlan
from cloudconnect.features.files.service.chunking import ChunkingService
from cloudconnect.features.files.store import uploads as store
from tests.features.files.uploading import read, refused, stream


@pytest.fixture
def chunking(rooms):
    return ChunkingService(rooms.log, rooms.database, rooms.clock, rooms.uploads)


async def put(chunking, who, number):
    data = b"%02d" % number
    await chunking.put(who, "film", f"{number}", stream(data), len(data))


async def ends(rooms, who):
    """Return when each chunk expires, in the order in which they came."""
    now = rooms.clock.now()
    found = await rooms.database.read(lambda sql: store.find_in_folder(sql, who.id, "film", now))
    return [each.expires for each in found]


async def test_a_folder_lives_with_all_its_chunks_as_long_as_chunks_come(rooms, ada, chunking):
    await chunking.begin(ada, "personal", "film")
    for number in range(6):
        await put(chunking, ada, number)
        rooms.clock.advance(timedelta(hours=22))

    await chunking.finish(ada, "film", "personal", UploadPlan(path="/f"), 12)

    assert await read(rooms, ada) == b"000102030405"


async def test_a_folder_to_which_nothing_comes_is_forgotten(rooms, ada, chunking):
    await chunking.begin(ada, "personal", "film")
    await put(chunking, ada, 1)
    rooms.clock.advance(timedelta(hours=25))

    assert await refused(put(chunking, ada, 2)) == "files.no-such-upload"


async def test_a_chunk_writes_nothing_to_those_that_came_just_before(rooms, ada, chunking):
    await chunking.begin(ada, "personal", "film")
    await put(chunking, ada, 1)
    (first,) = await ends(rooms, ada)
    for number in range(2, 5):
        rooms.clock.advance(timedelta(minutes=10))
        await put(chunking, ada, number)

    assert (await ends(rooms, ada))[0] == first
