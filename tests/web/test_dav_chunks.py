"""Large files in chunks, in the shapes that Nextcloud's desktop client and rclone send."""

import asyncio
import hashlib
import os
import random
import zlib

import pytest

from cloudconnect.features.files.service import chunking
from cloudconnect.ports.access import Resource, Role
from tests.web.test_dav import dav, status  # noqa: F401 - a fixture

FOLDER = "/remote.php/dav/uploads/admin/"
FILES = "http://127.0.0.1/remote.php/dav/files/admin"


async def content(dav, path):  # noqa: F811 - the fixture
    async with dav("GET", f"/dav/personal{path}") as answer:
        return answer.status, await answer.read()


async def begin(dav, name, **headers):  # noqa: F811
    return await status(dav("MKCOL", FOLDER + name, headers=headers))


async def test_the_desktop_sends_chunks_in_any_order_and_moves_the_file(site, dav):  # noqa: F811
    data = os.urandom(900_000)
    parts = {number: data[start : start + 100_000] for number, start in enumerate(range(0, len(data), 100_000), 1)}
    target = {"Destination": f"{FILES}/film.mp4"}
    assert await begin(dav, "4711", **target) == 201
    assert await begin(dav, "4711", **target) == 405
    numbers = list(parts)
    random.Random(1).shuffle(numbers)
    for number in numbers:
        url = f"{FOLDER}4711/{number:05}"
        assert await status(dav("PUT", url, data=parts[number], headers=target)) == 201

    async with dav("PROPFIND", FOLDER + "4711", headers={"Depth": "1"}) as answer:
        listed = await answer.text()
    assert (answer.status, listed.count("<d:getcontentlength>100000<")) == (207, 9)
    headers = target | {"OC-Total-Length": str(len(data)), "X-OC-MTime": "1700000000"}
    async with dav("MOVE", f"{FOLDER}4711/.file", headers=headers) as answer:
        assert (answer.status, answer.headers["X-OC-MTime"]) == (201, "accepted")
        assert answer.headers["OC-FileId"].startswith("nod_")
        undo = answer.headers["CloudConnect-Undo"]

    assert await content(dav, "/film.mp4") == (200, data)
    assert await status(dav("PROPFIND", FOLDER + "4711", headers={"Depth": "1"})) == 404
    admin = await site.appliance.auth.local_administrator()
    assert (await site.appliance.files.get_entry(admin, "personal", "/film.mp4")).modified_ns == 1_700_000_000 * 10**9
    assert not (await site.appliance.uploads.find(admin, 10, None)).items
    assert await status(site.ask("POST", f"/api/v1/spaces/{undo.partition('.')[0]}/undo", json={"token": undo})) == 200
    assert (await content(dav, "/film.mp4"))[0] == 404


async def test_rclone_names_chunks_by_their_bytes_and_makes_another_version(dav):  # noqa: F811
    await status(dav("PUT", "/dav/personal/a.bin", data=b"old"))
    assert await begin(dav, "rclone-chunked-upload-5f0c/") == 201
    for first, last, data in ((0, 9, b"0123456789"), (10, 14, b"abcde")):
        url = f"{FOLDER}rclone-chunked-upload-5f0c/{first:015}-{last:015}"
        assert await status(dav("PUT", url, data=data)) == 201

    headers = {"Destination": f"{FILES}/a.bin", "OC-Total-Length": "15"}
    assert await status(dav("MOVE", f"{FOLDER}rclone-chunked-upload-5f0c/.file", headers=headers)) == 204
    assert await content(dav, "/a.bin") == (200, b"0123456789abcde")


async def test_a_folder_may_be_called_as_one_was_whose_file_is_made(dav):  # noqa: F811
    # rclone calls the folder after the path of the file, so the same one comes back with each version.
    for data in (b"first", b"second one", b"third"):
        assert await begin(dav, "rclone-chunked-upload-5f0c") == 201
        for number, piece in enumerate((data[:4], data[4:])):
            assert await status(dav("PUT", f"{FOLDER}rclone-chunked-upload-5f0c/{number}", data=piece)) == 201
        headers = {"Destination": f"{FILES}/a.bin", "OC-Total-Length": str(len(data))}
        assert await status(dav("MOVE", f"{FOLDER}rclone-chunked-upload-5f0c/.file", headers=headers)) in {201, 204}
        assert await content(dav, "/a.bin") == (200, data)


async def test_the_desktop_overwrites_only_the_version_that_it_knows(dav):  # noqa: F811
    """It names that version in the If field, of the path where the file shall be."""

    async def etag(data):
        async with dav("PUT", "/dav/personal/a.bin", data=data) as answer:
            return answer.headers["ETag"]

    async def move(told):
        headers = {"Destination": f"{FILES}/a.bin", "If": f"</remote.php/dav/files/admin/a.bin> ([{told}])"}
        return await status(dav("MOVE", f"{FOLDER}known/.file", headers=headers))

    known, newer = await etag(b"known"), await etag(b"somebody else's")
    await begin(dav, "known")
    await status(dav("PUT", f"{FOLDER}known/1", data=b"mine"))

    assert await move(known) == 412
    assert await content(dav, "/a.bin") == (200, b"somebody else's")
    assert await move(newer) == 204
    assert await content(dav, "/a.bin") == (200, b"mine")


async def test_a_lock_keeps_chunks_out_unless_its_token_is_shown(dav):  # noqa: F811
    await status(dav("PUT", "/dav/personal/a.bin", data=b"old"))
    body = (
        '<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope>'
        "<d:locktype><d:write/></d:locktype></d:lockinfo>"
    )
    async with dav("LOCK", "/dav/personal/a.bin", data=body) as answer:
        token = answer.headers["Lock-Token"]
    await begin(dav, "locked")
    await status(dav("PUT", f"{FOLDER}locked/1", data=b"mine"))
    headers = {"Destination": f"{FILES}/a.bin"}

    assert await status(dav("MOVE", f"{FOLDER}locked/.file", headers=headers)) == 423
    headers["If"] = f"<{FILES}/a.bin> ({token})"
    assert await status(dav("MOVE", f"{FOLDER}locked/.file", headers=headers)) == 204
    assert await content(dav, "/a.bin") == (200, b"mine")


async def test_a_chunk_that_comes_again_takes_the_place_of_the_first(dav):  # noqa: F811
    await begin(dav, "again")

    async def pieces():
        yield b"new "
        yield b"one"

    for number, data in ((1, b"first "), (2, b"broken"), (2, pieces())):
        assert await status(dav("PUT", f"{FOLDER}again/{number}", data=data)) == 201

    headers = {"Destination": f"{FILES}/a", "OC-Total-Length": "13"}
    assert await status(dav("MOVE", f"{FOLDER}again/.file", headers=headers)) == 201
    assert await content(dav, "/a") == (200, b"first new one")


@pytest.mark.parametrize(
    ("method", "url", "headers", "expected"),
    [
        ("PUT", "nothing/1", {}, 404),
        ("PUT", "here/one", {}, 422),
        ("PUT", "here/3", {"OC-Checksum": "SHA1:" + "0" * 40}, 400),
        ("MOVE", "here/1", {"Destination": f"{FILES}/a"}, 400),
        ("MOVE", "here/.file", {}, 400),
        ("MOVE", "here/.file", {"Destination": f"{FILES}/missing/a"}, 409),
        ("MOVE", "here/.file", {"Destination": f"{FILES}/a", "OC-Total-Length": "7"}, 422),
        ("MOVE", "here/.file", {"Destination": f"{FILES}/a", "OC-Total-Length": "many"}, 400),
        ("MOVE", "here/.file", {"Destination": f"{FILES}/a", "OC-Checksum": "MD5:" + "0" * 32}, 400),
        ("MOVE", "here/.file", {"Destination": f"{FILES}/a", "OC-Checksum": "SHA256:" + "0" * 64}, 400),
        ("MOVE", "here/.file", {"Destination": f"{FILES}/a", "OC-Checksum": "CRC:0"}, 400),
        ("MOVE", "here/.file", {"Destination": f"{FILES}/taken", "Overwrite": "F"}, 412),
        ("MKCOL", "with%20blank", {}, 422),
        ("DELETE", "nothing", {}, 404),
        ("DELETE", "here/1", {}, 400),
    ],
)
async def test_what_cannot_be_leaves_the_chunks_as_they_are(dav, method, url, headers, expected):  # noqa: F811
    await status(dav("PUT", "/dav/personal/taken", data=b"taken"))
    await begin(dav, "here")
    for number in (1, 2):
        await status(dav("PUT", f"{FOLDER}here/{number}", data=b"data"))

    body = {"data": b"more"} if method == "PUT" else {}
    assert await status(dav(method, FOLDER + url, headers=headers, **body)) == expected

    headers = {"Destination": f"{FILES}/a", "OC-Total-Length": "8"}
    assert await status(dav("MOVE", f"{FOLDER}here/.file", headers=headers)) == 201
    assert await content(dav, "/taken") == (200, b"taken")


async def test_a_folder_is_one_upload_is_only_its_own_and_goes_with_all_its_chunks(site, dav):  # noqa: F811
    await begin(dav, "mine")
    for number in range(1, 6):
        await status(dav("PUT", f"{FOLDER}mine/{number}", data=b"data"))
    admin = await site.appliance.auth.local_administrator()
    (listed,) = (await site.appliance.uploads.find(admin, 10, None)).items
    assert (listed.kind, listed.plan.metadata) == ("chunks", "mine")

    as_bob = {"name": "bob", "token": site.member}
    other = FOLDER.replace("admin", "bob")
    assert await status(dav("PUT", f"{FOLDER}mine/1", data=b"x", **as_bob)) == 404
    assert await status(dav("PUT", f"{other}mine/1", data=b"x", **as_bob)) == 404
    assert await status(dav("DELETE", f"{FOLDER}mine")) == 204
    assert await status(dav("PUT", f"{FOLDER}mine/1", data=b"x")) == 404
    assert not (await site.appliance.uploads.find(admin, 10, None)).items


async def test_many_chunks_at_once_all_count(dav):  # noqa: F811
    await begin(dav, "crowd")
    puts = [status(dav("PUT", f"{FOLDER}crowd/{number}", data=b"%05d" % number)) for number in range(1, 41)]
    assert set(await asyncio.gather(*puts)) == {201}

    headers = {"Destination": f"{FILES}/all", "OC-Total-Length": "200"}
    assert await status(dav("MOVE", f"{FOLDER}crowd/.file", headers=headers)) == 201
    assert (await content(dav, "/all"))[1] == b"".join(b"%05d" % number for number in range(1, 41))


async def test_of_one_chunk_that_comes_twice_at_once_one_counts(dav):  # noqa: F811
    await begin(dav, "twice")
    puts = [status(dav("PUT", f"{FOLDER}twice/1", data=b"same")) for _ in range(10)]
    assert set(await asyncio.gather(*puts)) == {201}

    headers = {"Destination": f"{FILES}/once", "OC-Total-Length": "4"}
    assert await status(dav("MOVE", f"{FOLDER}twice/.file", headers=headers)) == 201
    assert (await content(dav, "/once"))[1] == b"same"


async def test_a_file_comes_in_so_many_chunks_at_most(dav, monkeypatch):  # noqa: F811
    monkeypatch.setattr(chunking, "CHUNKS_MOST", 2)
    await begin(dav, "few")
    told = [await status(dav("PUT", f"{FOLDER}few/{number}", data=b"x")) for number in (1, 2, 3, 2)]
    assert told == [201, 201, 413, 201]


async def test_a_folder_of_chunks_is_listed_by_where_it_goes_and_given_up_with_its_chunks(site, dav):  # noqa: F811
    await begin(dav, "film", Destination=f"{FILES}/films/film.mp4")
    await status(dav("PUT", f"{FOLDER}film/1", data=b"x" * 1_000))
    async with site.ask("GET", "/api/v1/uploads") as answer:
        (upload,) = (await answer.json())["data"]
    assert upload["path"] == "/films/film.mp4"
    assert await status(site.ask("DELETE", f"/api/v1/uploads/{upload['id']}")) == 204
    assert await status(dav("PROPFIND", f"{FOLDER}film", headers={"Depth": "1"})) == 404
    await site.appliance.uploads.remove_expired()
    held = await site.appliance.database.read(lambda sql: sql.row("SELECT COUNT(*) FROM upload_chunk"))
    assert held[0] == 0


async def test_who_may_write_to_one_folder_alone_sends_chunks_there(site, dav):  # noqa: F811
    await site.put("/in/a.txt?parents=true", b"shared")
    admin = await site.appliance.auth.local_administrator()
    space = await site.appliance.spaces.get_space(admin, "personal")
    folder = await site.appliance.files.get_entry(admin, "personal", "/in")
    bob = await site.appliance.auth.get_account(admin, "bob")
    resource = Resource(space.id, (space.root, folder.node))
    await site.appliance.log.commit(
        lambda unit: site.appliance.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=admin
    )
    chunks, as_bob = "/remote.php/dav/uploads/bob/film", {"name": "bob", "token": site.member}
    elsewhere = {"Destination": f"http://127.0.0.1/dav/{space.id}/film.mp4"}
    assert await status(dav("MKCOL", chunks, headers=elsewhere, **as_bob)) in {403, 404}
    target = {"Destination": f"http://127.0.0.1/dav/{space.id}/in/film.mp4"}
    assert await status(dav("MKCOL", chunks, headers=target, **as_bob)) == 201
    assert await status(dav("PUT", f"{chunks}/1", data=b"film", headers=target, **as_bob)) == 201
    assert await status(dav("MOVE", f"{chunks}/.file", headers=target, **as_bob)) == 201
    assert await content(dav, "/in/film.mp4") == (200, b"film")


@pytest.mark.parametrize("kind", ["SHA256", "SHA1", "MD5", "ADLER32"])
async def test_the_whole_that_chunks_become_is_verified_before_it_is_a_file(dav, kind):  # noqa: F811
    data = b"first second"
    digest = f"{zlib.adler32(data):08x}" if kind == "ADLER32" else hashlib.new(kind, data).hexdigest()
    await status(dav("MKCOL", f"{FOLDER}checked/"))
    for number, piece in ((1, b"first "), (2, b"second")):
        assert await status(dav("PUT", f"{FOLDER}checked/{number}", data=piece)) == 201

    for checksum, expected in ((digest[::-1], 400), (digest, 201)):
        headers = {"Destination": f"{FILES}/a", "OC-Checksum": f"{kind}:{checksum}"}
        assert await status(dav("MOVE", f"{FOLDER}checked/.file", headers=headers)) == expected

    assert await content(dav, "/a") == (200, data)
