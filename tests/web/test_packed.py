"""Many small things in one request, and files made of parts: what is stored, and what is refused."""

import hashlib
import hmac
import io
import os

import msgspec

SPACE = "/api/v1/spaces/personal"
PACKED = {"Content-Type": "application/msgpack"}


async def post(site, path, body, **options):
    data = body if isinstance(body, bytes) else msgspec.msgpack.encode(body)
    async with site.ask("POST", SPACE + path, data=io.BytesIO(data), headers=PACKED, **options) as answer:
        return answer.status, await answer.json()


async def content_id(site, raw):
    async with site.ask("GET", SPACE + "/cutting") as answer:
        key = msgspec.json.decode(await answer.read())["name_key"]
    return hmac.digest(msgspec.convert(key, bytes), b"\0\0" + raw, hashlib.sha256)


async def read(site, path):
    async with site.ask("GET", f"{SPACE}/content{path}") as answer:
        return await answer.read()


async def test_small_files_come_in_together(site):
    status, answer = await post(
        site, "/bulk", [["/a/b", b"one", 1, None], ["/c", None, 2, None], ["/..", b"", 1, None]]
    )

    assert status == 200
    assert [outcome.get("code") for outcome in answer["outcomes"]] == [None, None, "files.bad-path"]
    assert answer["stored_bytes"] > 0
    assert await read(site, "/a/b") == b"one"


async def test_a_file_is_made_of_parts_that_are_there(site):
    parts = [os.urandom(300_000) for _ in range(3)]
    ids = [await content_id(site, part) for part in parts]
    assert (await post(site, "/chunks/missing", ids))[1]["missing"] == [0, 1, 2]
    await post(site, "/chunks", parts[:2])
    assert (await post(site, "/chunks/missing", ids))[1]["missing"] == [2]
    sizes = [[name, len(part)] for name, part in zip(ids, parts, strict=True)]
    assert await post_code(site, "/assembled", ["/f", sizes, 5, None]) == (409, "storage.chunks-missing")
    await post(site, "/chunks", parts)

    status, answer = await post(site, "/assembled", ["/f", sizes, 5, None])

    assert status == 201
    assert answer["entry"]["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()
    assert await read(site, "/f") == b"".join(parts)
    assert await post_code(site, "/assembled", ["/f", sizes, 5, None]) == (412, "files.stale")
    assert (await post(site, "/assembled", ["/f", sizes[:1], 5, answer["entry"]["etag"]]))[0] == 200
    assert await read(site, "/f") == parts[0]


async def test_a_part_has_the_size_it_has(site):
    part = os.urandom(200_000)
    await post(site, "/chunks", [part])
    name = await content_id(site, part)

    assert await post_code(site, "/assembled", ["/f", [[name, 199_999]], 5, None]) == (422, "storage.bad-assembly")


async def test_a_file_of_no_parts_is_empty(site):
    assert (await post(site, "/assembled", ["/empty", [], 5, None]))[0] == 201
    assert await read(site, "/empty") == b""


async def post_code(site, path, body):
    status, answer = await post(site, path, body)
    return status, answer["code"]


NO_LISTS = [
    b"",
    b"\xc1",
    b"{}",
    msgspec.msgpack.encode({"a": 1}),
    msgspec.msgpack.encode([1, "x", None]),
    msgspec.msgpack.encode([[[[[[]]]]]]),
    b"\xdd\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff" + bytes(100),
    b"\x91" * 5_000,
]


async def test_what_is_no_such_list_is_refused(site):
    for path in ("/bulk", "/chunks", "/chunks/missing", "/assembled"):
        for body in NO_LISTS:
            assert (await post_code(site, path, body))[0] == 400, (path, body[:20])


async def test_a_body_has_an_end(site):
    for path in ("/bulk", "/chunks"):
        assert (await post(site, path, bytes((16 << 20) + 1)))[0] == 413


async def test_empty_lists_are_no_errors(site):
    assert (await post(site, "/bulk", []))[1]["outcomes"] == []
    assert (await post(site, "/chunks/missing", []))[1]["missing"] == []
    assert (await post(site, "/chunks", []))[1]["stored_bytes"] == 0


async def test_who_may_not_write_gets_nothing(site):
    for path, body in (("/bulk", []), ("/chunks", []), ("/chunks/missing", []), ("/assembled", ["/f", [], 5, None])):
        assert (await post(site, path, body, token=site.reader))[0] == 403
