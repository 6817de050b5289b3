"""An upload becomes a file exactly when it may: everything is decided anew in the unit that writes."""

import asyncio

import pytest

from cloudconnect.features.files import Condition, UploadPlan
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.ports.access import Resource, Role
from tests.features.files.uploading import DATA, append, begin, complete, put, read, refused, stream


async def test_another_version_needs_the_etag_of_the_one_that_is_meant(rooms, ada):
    entry = await put(rooms, ada)
    assert await refused(begin(rooms, ada)) == "files.condition-required"
    condition = Condition(if_match=frozenset({entry.etag}))
    upload = await begin(rooms, ada, condition=condition)
    late = await begin(rooms, ada, condition=condition)
    for each in (upload, late):
        await append(rooms, ada, each, 0, DATA)

    put_again = await complete(rooms, ada, upload)

    assert (put_again.created, put_again.entry.node) == (False, entry.node)
    assert not (await complete(rooms, ada, upload)).created
    assert await refused(complete(rooms, ada, late)) == "files.stale"
    assert await read(rooms, ada) == DATA


async def test_a_place_that_is_taken_meanwhile_is_not_written_over(rooms, ada):
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA)
    await put(rooms, ada)

    assert await refused(complete(rooms, ada, upload)) == "files.condition-required"
    assert await read(rooms, ada) == b"before"


async def test_a_folder_that_is_gone_when_it_is_complete_refuses_it_until_it_is_back(rooms, ada):
    await rooms.files.add_folder(ada, "personal", "/a")
    upload = await begin(rooms, ada, path="/a/f")
    await append(rooms, ada, upload, 0, DATA)
    await rooms.files.trash(ada, "personal", "/a", Condition(if_match=frozenset({"*"})))

    assert await refused(complete(rooms, ada, upload)) == "files.no-parent"
    await rooms.files.add_folder(ada, "personal", "/a")
    await complete(rooms, ada, upload)
    assert await read(rooms, ada, "/a/f") == DATA


async def test_folders_on_the_way_are_made_if_that_was_asked_for(rooms, ada):
    assert await refused(begin(rooms, ada, path="/a/b/f")) == "files.no-parent"
    upload = await begin(rooms, ada, path="/a/b/f", parents=True)
    await append(rooms, ada, upload, 0, DATA)

    await complete(rooms, ada, upload)

    assert await read(rooms, ada, "/a/b/f") == DATA


async def set_quota(rooms, who, quota):
    space = (await rooms.spaces.get_space(who, "personal")).id
    await rooms.log.commit(
        lambda unit: unit.sql.execute("UPDATE space SET quota_bytes = ? WHERE id = ?", (quota, space)), actor=who
    )


async def test_the_quota_counts_at_the_beginning_and_at_the_end(rooms, ada):
    await set_quota(rooms, ada, len(DATA) - 1)
    assert await refused(begin(rooms, ada)) == "files.quota-exceeded"
    await set_quota(rooms, ada, len(DATA))
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA)
    await set_quota(rooms, ada, 100)

    assert await refused(complete(rooms, ada, upload)) == "files.quota-exceeded"
    await set_quota(rooms, ada, None)
    await complete(rooms, ada, upload)
    assert await read(rooms, ada) == DATA


async def test_what_is_in_progress_is_never_more_than_the_space_may_hold(rooms, ada):
    await set_quota(rooms, ada, 6_000)
    first, second = await begin(rooms, ada), await begin(rooms, ada, path="/g", length=None)
    await append(rooms, ada, first, 0, DATA)

    assert await refused(append(rooms, ada, second, 0, DATA)) == "files.quota-exceeded"
    assert (await rooms.uploads.get(ada, second)).received == 0


async def test_who_may_no_longer_write_there_cannot_complete_it(rooms, ada, bob):
    space = await rooms.spaces.get_space(ada, "personal")
    resource = Resource(space.id, (space.root,))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=ada
    )
    upload = (await rooms.uploads.begin(bob, space.id, UploadPlan(path="/f"), length=3)).id
    await append(rooms, bob, upload, 0, b"abc")
    await rooms.log.commit(
        lambda unit: unit.sql.execute("DELETE FROM access_grant WHERE principal = ?", (bob.id,)), actor=ada
    )

    assert await refused(complete(rooms, bob, upload)) == "access.not-found"
    assert await refused(append(rooms, bob, upload, 3, b"")) == "access.not-found"


async def trash_folder(rooms, who):
    await rooms.files.trash(who, "personal", "/a", Condition(if_match=frozenset({"*"})))


async def take_place(rooms, who):
    await rooms.files.put_file(who, "personal", "/a/f", stream(b"somebody was faster"))


async def take_room(rooms, who):
    await set_quota(rooms, who, 100)


@pytest.mark.parametrize("meanwhile", [trash_folder, take_place, take_room])
@pytest.mark.parametrize("pauses", range(4))
async def test_what_changes_while_it_becomes_a_file_refuses_it_or_comes_later(rooms, ada, meanwhile, pauses):
    async def later():
        for _ in range(pauses):
            await rooms.database.read(lambda sql: sql.row("SELECT 1"))
        await meanwhile(rooms, ada)

    await rooms.files.add_folder(ada, "personal", "/a")
    upload = await begin(rooms, ada, path="/a/f")
    await append(rooms, ada, upload, 0, DATA)

    completed, changed = await asyncio.gather(complete(rooms, ada, upload), later(), return_exceptions=True)

    assert not isinstance(changed, Exception) or changed.code == "files.condition-required"
    if isinstance(completed, CloudConnectError):
        assert (await rooms.uploads.get(ada, upload)).received == len(DATA)
        assert completed.code in {"files.no-parent", "files.condition-required", "files.quota-exceeded"}
    else:
        assert completed.entry.size == len(DATA)
        assert (await rooms.uploads.get(ada, upload)).is_done
