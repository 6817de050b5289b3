"""Uploads that were just becoming files when the appliance ended become files without anybody asking again."""

import asyncio

import pytest

from cloudconnect.features.auth import AccountTable
from cloudconnect.features.files import Condition, Reviving, UploadPlan, UploadsService
from cloudconnect.features.files.errors import NoSuchEntry

DATA = b"0123456789" * 500
NEW = Condition(if_none_match=frozenset({"*"}))


async def stream():
    yield DATA


@pytest.fixture
def gate(rooms, monkeypatch):
    """Have uploads become files no sooner than this event says."""
    event, assemble = asyncio.Event(), rooms.vault.assemble

    async def slowly(*arguments):
        await event.wait()
        return await assemble(*arguments)

    monkeypatch.setattr(rooms.vault, "assemble", slowly)
    return event


async def begin(rooms, who):
    """Begin to make a file of an upload, and wait for it no longer."""
    upload = await rooms.uploads.begin(who, "personal", UploadPlan(path="/f", condition=NEW), length=len(DATA))
    await rooms.uploads.append(who, upload.id, 0, stream())
    assert await rooms.uploads.complete(who, upload.id, 0.01) is None
    return upload.id


async def restart(rooms):
    await rooms.uploads.close()
    rooms.uploads = UploadsService(rooms.log, rooms.database, rooms.clock, rooms.guide, rooms.vault)
    return Reviving(rooms.log, rooms.database, rooms.uploads, AccountTable())


async def marked(rooms):
    return await rooms.database.read(
        lambda sql: [upload for (upload,) in sql.rows("SELECT upload FROM upload_finishing")]
    )


async def go_on(rooms, reviving):
    """Go on as the clock would have it, until nothing is left to go on with."""
    async with asyncio.timeout(10):
        while await marked(rooms):
            await reviving.go_on()
            await asyncio.sleep(0)


async def test_after_a_restart_it_becomes_a_file_by_itself(rooms, ada, gate):
    upload = await begin(rooms, ada)
    reviving = await restart(rooms)
    assert await marked(rooms) == [upload]
    gate.set()
    await go_on(rooms, reviving)
    opened = await rooms.files.open_file(ada, "personal", "/f")
    assert b"".join([piece async for piece in opened.read(0, None)]) == DATA
    assert (await rooms.uploads.complete(ada, upload, 10)).entry.path == "/f"


async def test_what_goes_on_is_left_alone_and_forgotten_when_it_has_ended(rooms, ada, gate):
    upload = await begin(rooms, ada)
    reviving = Reviving(rooms.log, rooms.database, rooms.uploads, AccountTable())
    await reviving.go_on()
    assert await marked(rooms) == [upload]
    gate.set()
    await go_on(rooms, reviving)
    assert (await rooms.files.get_entry(ada, "personal", "/f")).size == len(DATA)


async def test_everything_is_decided_anew(rooms, ada, gate):
    await begin(rooms, ada)
    reviving = await restart(rooms)
    await rooms.files.add_folder(ada, "personal", "/f")
    gate.set()
    await go_on(rooms, reviving)
    assert (await rooms.files.get_entry(ada, "personal", "/f")).is_folder


async def test_nothing_is_made_for_an_account_that_is_disabled(rooms, ada, gate):
    bert = await rooms.person("bert")
    await begin(rooms, bert)
    reviving = await restart(rooms)
    await rooms.auth.change_account(ada, bert.id, is_disabled=True)
    gate.set()
    await go_on(rooms, reviving)
    with pytest.raises(NoSuchEntry):
        await rooms.files.get_entry(bert, "personal", "/f")
