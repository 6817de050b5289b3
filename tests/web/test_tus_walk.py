"""No order of requests, and no request at all, loses a byte of an upload or breaks the server."""

import asyncio
import base64
import hashlib
import io
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.features.files import UploadsService
from tests.web.tus import TUS, append, ask, create, offset_of, read

pytestmark = pytest.mark.slow

LARGE = os.urandom(5 << 20)


async def test_many_pieces_are_stored_as_the_same_file_in_one_piece_is(site):
    await site.put("/whole", io.BytesIO(LARGE))
    upload = await create(site, length=len(LARGE))
    for start in range(0, len(LARGE), 70_001):
        await append(site, upload, start, LARGE[start : start + 70_001])

    found = await site.appliance.database.read(
        lambda sql: sql.rows("SELECT DISTINCT manifest FROM version WHERE size = ?", (len(LARGE),))
    )

    assert await read(site) == (200, LARGE)
    assert len(found) == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.one_of(st.integers(0, 3), st.integers(0, 900_000))),
        st.tuples(st.just("check"), st.integers(0, 200_000)),
        st.tuples(st.just("cut_off"), st.integers(0, 400_000)),
        st.tuples(st.just("misplace"), st.integers(-2_000, 2_000).filter(bool)),
        st.tuples(st.just("mistake"), st.integers(1, 100_000)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("collect"), st.just(0)),
        st.tuples(st.just("end"), st.just(0)),
    ),
    max_size=25,
)


async def test_no_order_of_requests_loses_or_doubles_a_byte(site):
    loop, number = asyncio.get_running_loop(), iter(range(1 << 30))

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(steps=STEPS, length=st.one_of(st.just(0), st.integers(1, 5 << 20)))
    def run(steps, length):
        path = f"/{next(number)}"
        asyncio.run_coroutine_threadsafe(follow(site, path, steps, length), loop).result()

    await asyncio.to_thread(run)


async def follow(site, path, steps, length):
    """Take *steps* with one upload, and compare at each what is told with what was sent."""
    walk = Walk(site, path, length)
    await walk.begin()
    for act, number in steps:
        if walk.offset < length:
            await getattr(walk, act)(number)
        if walk.offset < length:
            assert await offset_of(site, walk.upload) == walk.offset
    if walk.offset < length or not length:
        await walk.append(length)
    status, content = await read(site, path)
    assert status == 200
    assert hashlib.sha256(content).digest() == hashlib.sha256(LARGE[:length]).digest()


class Walk:
    """One file on its way in, and how much of it must be there."""

    def __init__(self, site, path, length):
        self.site, self.path, self.length = site, path, length

    async def begin(self):
        said = {"length": None, "Upload_Defer_Length": 1} if self.length % 2 else {"length": self.length}
        self.upload, self.offset = await create(self.site, path=self.path, **said), 0

    def piece(self, number):
        return LARGE[self.offset : min(self.offset + number, self.length)]

    async def append(self, number, **fields):
        piece = self.piece(number)
        answer = await append(self.site, self.upload, self.offset, piece, Upload_Length=self.length, **fields)
        assert answer.status == 204
        self.offset += len(piece)

    async def check(self, number):
        digest = hashlib.sha1(self.piece(number), usedforsecurity=False).digest()
        await self.append(number, Upload_Checksum=f"sha1 {base64.b64encode(digest).decode()}")

    async def mistake(self, number):
        answer = await append(self.site, self.upload, self.offset, self.piece(number), Upload_Checksum="md5 AAAA")
        assert answer.status == 460

    async def misplace(self, number):
        wrong = self.offset + number if self.offset + number >= 0 else self.offset + 1
        assert (await append(self.site, self.upload, wrong, b"x")).status == 409

    async def cut_off(self, number):
        piece = self.piece(number)
        await send_and_leave(self.site, self.upload, self.offset, piece)
        found = await offset_of(self.site, self.upload)
        assert self.offset <= found <= self.offset + len(piece)
        self.offset = found

    async def restart(self, number):
        await restart(self.site)

    async def collect(self, number):
        await self.site.appliance.uploads.remove_expired()

    async def end(self, number):
        assert (await ask(self.site, "DELETE", self.upload)).status == 204
        await self.begin()


async def send_and_leave(site, upload, offset, piece):
    """Send *piece* as the beginning of a longer body and close the connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = (
        f"PATCH {upload} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.admin}\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
        f"Content-Length: {len(piece) + 1}\r\n\r\n"
    )
    writer.write(head.encode() + piece)
    await writer.drain()
    writer.close()


async def restart(site):
    """Forget all that the service remembers in memory, as a start of the daemon does."""
    appliance = site.appliance
    old = appliance.uploads
    await old.close()
    fresh = UploadsService(appliance.log, appliance.database, appliance.clock, old._guide, appliance.vault)
    object.__setattr__(appliance, "uploads", fresh)


async def collect(site):
    """Collect garbage, all that may go at once."""
    for _ in range(2):
        principal = await site.appliance.auth.local_administrator()
        operation = await site.appliance.operations.start(principal, "storage.gc", {"grace_seconds": "0"})
        async with asyncio.timeout(30):
            while (await site.appliance.operations.get_operation(principal, operation)).finished is None:
                pass


async def chunks(site):
    return await site.appliance.database.read(lambda sql: sql.row("SELECT count(*) FROM chunk")[0])


async def test_gc_leaves_what_has_arrived_and_takes_what_was_given_up(site):
    upload = await create(site, length=len(LARGE))
    await append(site, upload, 0, LARGE[: 3 << 20])
    await collect(site)
    assert (await append(site, upload, 3 << 20, LARGE[3 << 20 :])).status == 204
    await site.appliance.uploads.remove_expired()
    await collect(site)
    kept = await chunks(site)
    assert await read(site) == (200, LARGE)

    given_up = await create(site, path="/g", length=3_000_000)
    await append(site, given_up, 0, os.urandom(2_900_000))
    assert await chunks(site) > kept
    await ask(site, "DELETE", given_up)
    await site.appliance.uploads.remove_expired()
    await collect(site)

    assert await chunks(site) == kept


FIELD_NAMES = [
    "Upload-Offset",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Concat",
    "Upload-Metadata",
    "Upload-Checksum",
    "Upload-Complete",
    "Content-Type",
    "Tus-Resumable",
    "X-HTTP-Method-Override",
    "If-Match",
    "Upload-Draft-Interop-Version",
]
VALUES = st.one_of(
    st.sampled_from(
        [
            "1.0.0",
            "0",
            "-1",
            "9" * 18,
            "9" * 400,
            "?1",
            "?0",
            "?1;a=b",
            "partial",
            "final;/a /b",
            "final;" + "/x " * 500,
            "path L2Y=",
            "path L2Y=,modified eA==",
            "sha1 AAAA",
            "md5 " + "A" * 4_000,
            "application/offset+octet-stream",
            "application/partial-upload",
            "PATCH",
            "*",
            '"x"',
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, blacklist_characters="\x7f"), max_size=60),
)


async def test_no_header_fields_break_anything(site):
    loop = asyncio.get_running_loop()
    uploads = [await create(site, path="/h"), "/api/v1/tus/upl_x", "/api/v1/uploads/upl_x", TUS]
    uploads += [uploads[0].replace("/tus/", "/uploads/"), "/api/v1/uploads?path=/i"]

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        method=st.sampled_from(["POST", "PATCH", "HEAD", "DELETE", "OPTIONS", "GET"]),
        place=st.integers(0, len(uploads) - 1),
        fields=st.dictionaries(st.sampled_from(FIELD_NAMES), VALUES, max_size=6),
        body=st.binary(max_size=50),
    )
    def run(method, place, fields, body):
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = (
            f"{method} {uploads[place]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.admin}\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
        )
        sent = send(site.port, head.encode("latin-1") + body)
        status = asyncio.run_coroutine_threadsafe(sent, loop).result()
        assert status is None or 100 <= status < 500

    await asyncio.to_thread(run)
    assert (await ask(site, "OPTIONS")).status == 204


async def send(port, request):
    """Send raw bytes; return the status, or None when the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            line = await reader.readline()
    except ConnectionError:
        return None
    finally:
        writer.close()
    return int(line.split()[1]) if line.startswith(b"HTTP/") else None
