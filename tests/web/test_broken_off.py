"""An upload that breaks off leaves nothing visible, and nothing in memory either."""

import asyncio
import gc
import tracemalloc

import pytest

LENGTH = 16 << 20
SENT = 3 << 20


@pytest.fixture
def no_gc():
    """Memory that only the collector of circles would give back counts as kept: it may come minutes later."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.enable()


async def break_off(site):
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = (
        f"PUT /api/v1/spaces/personal/content/half.bin HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n"
        f"Authorization: Bearer {site.member}\r\nContent-Length: {LENGTH}\r\n\r\n"
    )
    writer.write(head.encode() + bytes(SENT))
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()
    await asyncio.sleep(0.05)


async def test_the_memory_of_an_upload_that_breaks_off_is_given_back(site, no_gc):
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(5):
        await break_off(site)

    assert tracemalloc.get_traced_memory()[0] - before < SENT
    async with site.ask("GET", "/api/v1/spaces/personal/entries/half.bin", site.member) as answer:
        assert answer.status == 404
