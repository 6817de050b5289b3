"""Bytes in and out: ranges, conditions, interruptions."""

import asyncio
import hashlib
import io
import os

import aiohttp
import pytest

CONTENT = bytes(range(256)) * 40
URL = "/api/v1/spaces/personal/content/a.bin"


@pytest.fixture
async def etag(site):
    _, body = await site.put("/a.bin", CONTENT)
    return f'"{body["entry"]["etag"]}"'


@pytest.mark.parametrize(
    ("field", "status", "expected"),
    [
        pytest.param("bytes=0-9", 206, CONTENT[:10], id="first"),
        pytest.param("bytes=100-", 206, CONTENT[100:], id="open"),
        pytest.param("bytes=-5", 206, CONTENT[-5:], id="suffix"),
        pytest.param("bytes=-99999", 206, CONTENT, id="suffix beyond the start"),
        pytest.param("bytes=10230-99999", 206, CONTENT[10230:], id="beyond the end"),
        pytest.param("bytes=0-9,5-19", 206, CONTENT[:20], id="overlapping"),
        pytest.param("bytes=9-0", 200, CONTENT, id="backwards"),
        pytest.param("bytes=a-b", 200, CONTENT, id="no numbers"),
        pytest.param("lines=1-2", 200, CONTENT, id="another unit"),
        pytest.param("bytes=" + ",".join(f"{n * 10}-{n * 10}" for n in range(20)), 200, CONTENT, id="too many"),
    ],
)
async def test_a_range_gives_its_bytes(site, etag, field, status, expected):
    async with site.ask("GET", URL, headers={"Range": field}) as answer:
        assert (answer.status, await answer.read()) == (status, expected)


async def test_several_ranges_come_in_parts(site, etag):
    async with site.ask("GET", URL, headers={"Range": "bytes=0-1,100-101"}) as answer:
        body = await answer.read()
    assert answer.headers["Content-Type"].startswith("multipart/byteranges")
    assert int(answer.headers["Content-Length"]) == len(body)
    assert b"Content-Range: bytes 100-101/10240\r\n\r\n" + CONTENT[100:102] in body


async def test_a_range_outside_is_refused(site, etag):
    async with site.ask("GET", URL, headers={"Range": "bytes=99999-"}) as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */10240")


async def test_if_range_sends_all_of_another_version(site, etag):
    for tag, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200)):
        async with site.ask("GET", URL, headers={"Range": "bytes=0-1", "If-Range": tag}) as answer:
            assert answer.status == status


async def test_what_the_reader_has_is_not_sent(site, etag):
    async with site.ask("GET", URL, headers={"If-None-Match": etag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with site.ask("HEAD", URL) as answer:
        assert (answer.headers["ETag"], answer.headers["Content-Length"]) == (etag, "10240")
        since = answer.headers["Last-Modified"]
    async with site.ask("GET", URL, headers={"If-Modified-Since": since}) as answer:
        assert answer.status == 304


async def test_replacing_and_removing_ask_for_a_condition(site, etag):
    assert (await site.put("/a.bin", b"2"))[0] == 428
    assert (await site.put("/a.bin", b"2", headers={"If-Match": '"stale"'}))[0] == 412
    assert (await site.put("/a.bin", b"2", headers={"If-None-Match": "*"}))[0] == 412
    assert (await site.put("/a.bin", b"2", headers={"If-Match": "not a tag"}))[0] == 400
    assert (await site.put("/a.bin", b"2", headers={"If-Match": etag}))[0] == 200
    entry = "/api/v1/spaces/personal/entries/a.bin"
    async with site.ask("DELETE", entry) as answer:
        assert answer.status == 428
    async with site.ask("DELETE", entry, headers={"If-Match": "*"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("size", [0, 1, 70_000, 9_000_000])
async def test_a_stream_of_unknown_length_comes_back(site, size):
    content = os.urandom(size)

    async def pieces():
        for start in range(0, size, 65_536):
            yield content[start : start + 65_536]

    status, body = await site.put("/stream", pieces())
    async with site.ask("GET", "/api/v1/spaces/personal/content/stream") as answer:
        assert await answer.read() == content
    assert (status, body["entry"]["sha256"]) == (201, hashlib.sha256(content).hexdigest())


async def test_a_body_is_not_asked_for_when_it_would_be_refused(site):
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"PUT {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    assert b"401" in line


async def test_an_upload_that_breaks_off_leaves_nothing_to_see(site):
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = (
        f"PUT {URL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.admin}\r\nContent-Length: 999999\r\n\r\n"
    )
    writer.write(head.encode() + b"x" * 1_000)
    await writer.drain()
    writer.close()
    async with site.ask("GET", "/api/v1/spaces/personal/children/") as answer:
        assert (await answer.json())["data"] == []


@pytest.mark.slow
async def test_a_revoked_token_cuts_a_running_download(site):
    await site.put("/large", io.BytesIO(os.urandom(40_000_000)))
    text, token = await site.appliance.developer.add_token(
        await site.appliance.auth.local_administrator(), "soon gone", [], None
    )
    async with site.ask("GET", "/api/v1/spaces/personal/content/large", token=text) as answer:
        await answer.content.read(1_000)
        await site.appliance.developer.revoke_token(await site.appliance.auth.local_administrator(), token.id)
        await asyncio.sleep(2.5)
        with pytest.raises(Exception, match=r"payload|reset|closed|disconnected"):
            await answer.read()


@pytest.mark.slow
async def drain(answer, received):
    async for piece in answer.content.iter_any():
        received += piece


async def test_damage_in_the_middle_cuts_the_download(site):
    await site.put("/large", io.BytesIO(os.urandom(40_000_000)))
    packs = sorted(
        (site.appliance.home / "packs").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0
    )
    pack = packs[-1]
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(pack.stat().st_size // 2)
        file.write(b"\0" * 100_000)
    received = bytearray()
    async with site.ask("GET", "/api/v1/spaces/personal/content/large") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await drain(answer, received)
    assert len(received) < 40_000_000
    assert b"problem" not in received
