"""A head that has begun comes to its end in time or the connection is cut; whoever sends whole heads never notices."""

import asyncio

import pytest

from cloudconnect_web import protocol

HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def seconds(monkeypatch):
    monkeypatch.setitem(protocol.Connection.__init__.__kwdefaults__, "head_seconds", 0.1)


@pytest.fixture
async def connect(seconds, site):
    opened = []

    async def open_one():
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        opened.append(writer)
        return reader, writer

    yield open_one
    for writer in opened:
        writer.close()


async def is_cut(reader):
    async with asyncio.timeout(5):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


async def answer(reader):
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:"))
        await reader.readexactly(size)
    return head.split()[1]


@pytest.mark.parametrize("sent", [b"G", HEAD, HEAD + b"X-Slow: "], ids=["a byte", "some fields", "half a field"])
async def test_g12_a_half_sent_head_is_cut_off(connect, sent):
    reader, writer = await connect()
    writer.write(sent)

    assert await is_cut(reader)


async def test_g12_bytes_that_trickle_in_do_not_buy_time(connect):
    reader, writer = await connect()
    writer.write(HEAD + b"X-Slow: ")
    trickling = asyncio.create_task(trickle(writer))

    assert await is_cut(reader)
    trickling.cancel()
    await asyncio.gather(trickling, return_exceptions=True)


async def trickle(writer):
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.01)


async def test_g12_a_second_head_on_the_same_connection_has_the_same_time(connect):
    reader, writer = await connect()
    writer.write(HEAD + b"\r\n")
    assert await answer(reader) == b"200"
    writer.write(HEAD)

    assert await is_cut(reader)


async def test_who_sends_whole_heads_may_pause_between_them(connect):
    reader, writer = await connect()
    for _ in range(3):
        writer.write(HEAD[:20])
        await writer.drain()
        writer.write(HEAD[20:] + b"\r\n")
        assert await answer(reader) == b"200"
        await asyncio.sleep(0.15)


async def test_many_half_sent_heads_keep_nobody_else_waiting(connect, site):
    opened = await asyncio.gather(*(connect() for _ in range(200)))
    for _, writer in opened:
        writer.write(HEAD)

    async with site.ask("GET", "/livez", token="") as found:
        assert found.status == 200
    assert all(await asyncio.gather(*(is_cut(reader) for reader, _ in opened)))
