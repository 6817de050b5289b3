"""Uploads in progress: what arrives is kept, goes on where it stopped, and is forgotten in time."""

import asyncio
from datetime import timedelta

import pytest

from cloudconnect.features.files import UploadKind, UploadLimits, UploadPlan, UploadsService
from cloudconnect.features.files.store.uploads import HeldUploads
from tests.features.files.uploading import DATA, NO_TIME, append, begin, complete, put, read, refused, stream


async def test_a_file_that_comes_in_several_requests_is_whole(rooms, ada):
    upload = await begin(rooms, ada, modified_ns=7, media_type="text/csv")
    for start in range(0, len(DATA), 1_234):
        await append(rooms, ada, upload, start, DATA[start : start + 1_234])

    put = await complete(rooms, ada, upload)

    assert (put.created, put.entry.path, put.entry.modified_ns, put.entry.media_type) == (True, "/f", 7, "text/csv")
    assert await read(rooms, ada) == DATA
    assert rooms.vault.read_whole == 0


async def test_a_service_that_starts_anew_goes_on_where_the_last_one_was(rooms, ada):
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA[:3_333])
    rooms.uploads = UploadsService(rooms.log, rooms.database, rooms.clock, rooms.guide, rooms.vault)

    assert (await rooms.uploads.get(ada, upload)).received == 3_333
    await append(rooms, ada, upload, 3_333, DATA[3_333:])
    await complete(rooms, ada, upload)

    assert await read(rooms, ada) == DATA
    assert rooms.vault.read_whole == 1


async def test_what_had_arrived_when_the_connection_broke_stays(rooms, ada):
    upload = await begin(rooms, ada)

    with pytest.raises(ConnectionResetError):
        await rooms.uploads.append(ada, upload, 0, stream(DATA[:100], DATA[100:2_000], breaks=True))

    assert (await rooms.uploads.get(ada, upload)).received == 2_000


async def test_what_is_to_be_verified_counts_whole_or_not_at_all(rooms, ada):
    def never():
        raise ValueError

    upload = await begin(rooms, ada)
    with pytest.raises(ValueError):  # noqa: PT011 - the very one
        await append(rooms, ada, upload, 0, DATA, verify=never)
    with pytest.raises(ConnectionResetError):
        await rooms.uploads.append(ada, upload, 0, stream(DATA[:9], breaks=True), verify=lambda: None)
    assert (await rooms.uploads.get(ada, upload)).received == 0

    assert await append(rooms, ada, upload, 0, DATA, verify=lambda: None) == len(DATA)
    await complete(rooms, ada, upload)
    assert await read(rooms, ada) == DATA


async def test_bytes_that_come_slowly_are_kept_every_five_seconds(rooms, ada):
    upload = await begin(rooms, ada)

    async def slowly():
        yield DATA[:1_500]
        rooms.clock.advance(timedelta(seconds=5))
        yield DATA[1_500:2_000]
        async with asyncio.timeout(NO_TIME):
            while (await rooms.uploads.get(ada, upload)).received < 2_000:
                pass

    await rooms.uploads.append(ada, upload, 0, slowly())


@pytest.mark.parametrize("offset", [1, 99, 101, 1 << 62])
async def test_bytes_that_belong_elsewhere_are_refused(rooms, ada, offset):
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA[:100])

    assert await refused(append(rooms, ada, upload, offset, b"x")) == "files.wrong-offset"
    assert (await rooms.uploads.get(ada, upload)).received == 100


async def test_an_upload_has_the_length_that_was_said_first(rooms, ada):
    upload = await begin(rooms, ada, length=None)

    assert await append(rooms, ada, upload, 0, b"abc", length=5) == 3
    assert await refused(append(rooms, ada, upload, 3, b"", length=6)) == "files.wrong-length"
    assert await refused(append(rooms, ada, upload, 3, b"def")) == "files.wrong-length"
    assert await refused(complete(rooms, ada, upload)) == "files.not-received"
    await append(rooms, ada, upload, 3, b"de", length=5)
    await complete(rooms, ada, upload)
    assert await read(rooms, ada) == b"abcde"


async def test_an_upload_of_unknown_length_ends_where_it_is(rooms, ada):
    upload = await begin(rooms, ada, length=None)
    await append(rooms, ada, upload, 0, DATA)

    await complete(rooms, ada, upload)

    assert await read(rooms, ada) == DATA


async def test_an_empty_file_needs_no_bytes(rooms, ada):
    upload = await begin(rooms, ada, length=0)

    await complete(rooms, ada, upload)

    assert await read(rooms, ada) == b""


async def test_completing_it_again_tells_the_same(rooms, ada):
    upload = await begin(rooms, ada, length=3)
    await append(rooms, ada, upload, 0, b"abc")

    first = await complete(rooms, ada, upload)

    assert (await complete(rooms, ada, upload)).entry == first.entry
    assert await refused(append(rooms, ada, upload, 3, b"")) == "files.upload-done"


async def test_only_who_began_it_goes_on_with_it(rooms, ada, bob):
    upload = await begin(rooms, ada)

    outcomes = [
        await refused(rooms.uploads.get(bob, upload)),
        await refused(append(rooms, bob, upload, 0, b"x")),
        await refused(complete(rooms, bob, upload)),
        await refused(rooms.uploads.remove(bob, upload)),
        await refused(rooms.uploads.halt(bob, upload)),
    ]

    assert set(outcomes) == {"files.no-such-upload"}
    assert not (await rooms.uploads.find(bob, 10, None)).items
    assert [each.id for each in (await rooms.uploads.find(ada, 10, None)).items] == [upload]


async def test_no_words_of_a_client_break_the_database(rooms, ada):
    upload = await begin(rooms, ada, media_type="\0/\0", metadata="path L2Y=", modified_ns=-(1 << 63) + 1, length=0)

    assert await refused(rooms.uploads.get(ada, "upl_\0")) == "files.no-such-upload"
    assert await refused(rooms.uploads.join(ada, "personal", UploadPlan(path="/f"), ["\0"])) == "files.no-such-upload"
    assert (await complete(rooms, ada, upload)).entry.media_type == "application/octet-stream"


async def test_two_requests_cannot_work_on_it_at_once_and_the_later_may_end_the_earlier(rooms, ada):
    upload = await begin(rooms, ada)
    broken = asyncio.Event()

    async def endless():
        yield DATA[:1_500]
        await broken.wait()
        raise ConnectionResetError

    first = asyncio.create_task(rooms.uploads.append(ada, upload, 0, endless(), interrupt=broken.set))
    await asyncio.sleep(0)
    assert await refused(append(rooms, ada, upload, 0, b"x")) == "files.upload-busy"

    assert (await rooms.uploads.halt(ada, upload)).received == 1_500

    with pytest.raises(ConnectionResetError):
        await first
    assert await append(rooms, ada, upload, 1_500, DATA[1_500:]) == len(DATA)


async def test_what_was_removed_is_gone_and_its_chunks_are_let_go(rooms, ada):
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA[:2_500])
    assert len(await held(rooms)) == 3

    await rooms.uploads.remove(ada, upload)
    assert await refused(rooms.uploads.get(ada, upload)) == "files.no-such-upload"
    await rooms.uploads.remove_expired()

    assert await held(rooms) == []


async def test_it_lives_for_a_day_after_its_last_byte(rooms, ada):
    upload = await begin(rooms, ada)
    rooms.clock.advance(timedelta(hours=23))
    await append(rooms, ada, upload, 0, DATA[:10])
    rooms.clock.advance(timedelta(hours=23))
    await rooms.uploads.remove_expired()
    assert (await rooms.uploads.get(ada, upload)).received == 10

    rooms.clock.advance(timedelta(hours=1))
    assert await refused(rooms.uploads.get(ada, upload)) == "files.no-such-upload"
    await rooms.uploads.remove_expired()

    assert await held(rooms) == []
    assert await rooms.database.read(lambda sql: sql.rows("SELECT id FROM upload")) == []


async def test_a_complete_one_is_remembered_but_holds_nothing(rooms, ada):
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA)
    await complete(rooms, ada, upload)

    await rooms.uploads.remove_expired()

    assert await held(rooms) == []
    assert (await rooms.uploads.get(ada, upload)).is_done


async def held(rooms):
    chunks = await rooms.database.read(lambda sql: sql.rows("SELECT chunk FROM upload_chunk"))
    keys = [chunk for (chunk,) in chunks]
    found = await rooms.database.read(lambda sql: HeldUploads().find_held(sql, [*keys, b"x" * 16]))
    assert found == set(keys)
    return keys


async def test_nobody_has_more_in_progress_than_are_kept(rooms, ada, bob):
    rooms.uploads = UploadsService(
        rooms.log, rooms.database, rooms.clock, rooms.guide, rooms.vault, UploadLimits(most_open=2)
    )
    await begin(rooms, ada)
    upload = await begin(rooms, ada)

    assert await refused(begin(rooms, ada)) == "files.too-many-uploads"
    await begin(rooms, bob)
    await rooms.uploads.remove(ada, upload)
    await begin(rooms, ada)


async def part(rooms, who, data, **options):
    upload = await rooms.uploads.begin(
        who, "personal", UploadPlan(path=""), length=len(data), kind=UploadKind.PART, **options
    )
    await append(rooms, who, upload.id, 0, data)
    return upload.id


async def test_parts_are_joined_in_their_order(rooms, ada):
    parts = [await part(rooms, ada, data) for data in (DATA[:2_222], b"", DATA[2_222:])]

    upload = await rooms.uploads.join(ada, "personal", UploadPlan(path="/f"), parts)
    again = await rooms.uploads.join(ada, "personal", UploadPlan(path="/f"), parts)
    await complete(rooms, ada, upload.id)

    assert upload == again
    assert await read(rooms, ada) == DATA
    assert [(await rooms.uploads.get(ada, each)).is_done for each in parts] == [True] * 3


async def test_what_is_no_complete_part_cannot_be_joined(rooms, ada, bob):
    whole, good = await begin(rooms, ada), await part(rooms, ada, b"abc")
    open_part = await rooms.uploads.begin(ada, "personal", UploadPlan(path=""), length=5, kind=UploadKind.PART)
    plan = UploadPlan(path="/f")

    outcomes = [
        await refused(rooms.uploads.join(ada, "personal", plan, parts))
        for parts in ([], [whole], [open_part.id], [good, good])
    ]

    assert set(outcomes) == {"files.not-joinable"}
    assert await refused(rooms.uploads.join(ada, "personal", plan, ["upl_x"])) == "files.no-such-upload"
    assert await refused(rooms.uploads.join(bob, "personal", plan, [good])) == "files.no-such-upload"
    assert await refused(complete(rooms, ada, good)) == "files.not-received"


async def test_parts_whose_whole_was_refused_may_be_joined_anew(rooms, ada):
    first = await part(rooms, ada, DATA)
    upload = await rooms.uploads.join(ada, "personal", UploadPlan(path="/f"), [first])
    await put(rooms, ada)
    assert await refused(complete(rooms, ada, upload.id)) == "files.condition-required"

    upload = await rooms.uploads.join(ada, "personal", UploadPlan(path="/g"), [first])
    await complete(rooms, ada, upload.id)

    assert await read(rooms, ada, "/g") == DATA


async def test_parts_become_what_was_asked_for_last_and_only_one_file(rooms, ada):
    """The first who asked may have been cut off before they became a file, by a restart for one."""
    parts = [await part(rooms, ada, DATA)]
    left = await rooms.uploads.join(ada, "personal", UploadPlan(path="/left"), parts)

    upload = await rooms.uploads.join(ada, "personal", UploadPlan(path="/f", modified_ns=7), parts)
    put = await complete(rooms, ada, upload.id)

    assert (put.entry.path, put.entry.modified_ns) == ("/f", 7)
    assert await refused(complete(rooms, ada, left.id)) == "files.no-such-upload"
    assert (await rooms.uploads.join(ada, "personal", UploadPlan(path="/f"), parts)).id == upload.id
    assert await refused(rooms.uploads.join(ada, "personal", UploadPlan(path="/left"), parts)) == "files.not-joinable"


async def test_parts_that_are_becoming_one_file_do_not_become_another(rooms, ada, monkeypatch):
    parts = [await part(rooms, ada, DATA)]
    upload = await rooms.uploads.join(ada, "personal", UploadPlan(path="/f"), parts)
    go_on, assemble = asyncio.Event(), rooms.vault.assemble

    async def slowly(*arguments):
        await go_on.wait()
        return await assemble(*arguments)

    monkeypatch.setattr(rooms.vault, "assemble", slowly)
    assert await rooms.uploads.complete(ada, upload.id, 0) is None

    assert await refused(rooms.uploads.join(ada, "personal", UploadPlan(path="/g"), parts)) == "files.upload-busy"
    assert (await rooms.uploads.join(ada, "personal", UploadPlan(path="/f"), parts)).id == upload.id
    go_on.set()
    assert (await complete(rooms, ada, upload.id)).entry.path == "/f"


async def test_one_that_takes_long_goes_on_by_itself(rooms, ada):
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA)
    go_on, assemble = asyncio.Event(), rooms.vault.assemble

    async def slowly(*arguments):
        await go_on.wait()
        return await assemble(*arguments)

    rooms.vault.assemble = slowly

    assert await rooms.uploads.complete(ada, upload, 0) is None
    assert rooms.uploads.is_finishing(upload)
    assert (await rooms.uploads.halt(ada, upload)).is_received
    assert await refused(append(rooms, ada, upload, len(DATA), b"")) == "files.upload-busy"
    go_on.set()
    assert (await complete(rooms, ada, upload)).entry.size == len(DATA)
    assert await read(rooms, ada) == DATA


async def test_a_stop_while_it_becomes_a_file_loses_nothing(rooms, ada):
    upload = await begin(rooms, ada)
    await append(rooms, ada, upload, 0, DATA)
    assemble = rooms.vault.assemble

    async def never(*arguments):
        await asyncio.Event().wait()

    rooms.vault.assemble = never
    assert await rooms.uploads.complete(ada, upload, 0) is None
    await rooms.uploads.close()
    rooms.vault.assemble = assemble

    rooms.uploads = UploadsService(rooms.log, rooms.database, rooms.clock, rooms.guide, rooms.vault)
    await complete(rooms, ada, upload)
    assert await read(rooms, ada) == DATA
