"""One address may have so much open and no more; whoever comes from elsewhere never notices."""

import asyncio
import contextlib
import json
import time

import aiohttp
import pytest

from cloudconnect.settings import load
from cloudconnect_web import middleware
from cloudconnect_web.crowd import Crowd, TooManyAtOnce
from cloudconnect_web.keys import ADDRESS

MOST = 3
HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture
def trusted():
    return ""


@pytest.fixture
def settings(tmp_path, trusted):
    overrides = {
        "database.readers": "2",
        "server.connections_per_address": str(MOST),
        "server.trusted_proxies": trusted,
    }
    return load(environ={"HOME": str(tmp_path)}, home=tmp_path / "home", overrides=overrides).settings


@pytest.fixture
async def connect(site):
    opened = []

    async def open_one(address="127.0.0.1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port, local_addr=(address, 0))
        opened.append(writer)
        return reader, writer

    yield open_one
    for writer in opened:
        writer.close()


async def look(connection):
    """Ask for /livez and return status, headers and body of the answer."""
    reader, writer = connection
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionError):
            writer.write(HEAD + b"\r\n")
            await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split()[1]), headers, json.loads(body)


async def fill(connect):
    return [await connect() for _ in range(MOST)]


async def test_g12_an_address_with_as_many_as_it_may_have_is_told_so(connect):
    filled = await fill(connect)

    status, headers, problem = await look(await connect())

    assert (status, headers["retry-after"], headers["content-type"]) == (429, "10", "application/problem+json")
    assert (problem["code"], problem["status"], problem["retryable"]) == ("web.too-many-at-once", 429, True)
    assert str(MOST) in problem["detail"]
    assert [(await look(each))[0] for each in filled] == [200] * MOST


async def test_g12_it_may_have_another_one_once_one_is_closed(connect):
    filled = await fill(connect)
    assert (await look(await connect()))[0] == 429
    filled[0][1].close()
    await filled[0][1].wait_closed()
    assert (await look(filled[1]))[0] == 200

    assert (await look(await connect()))[0] == 200


async def test_g12_other_addresses_are_served_meanwhile(connect):
    await fill(connect)

    assert (await look(await connect("127.0.0.2")))[0] == 200


@pytest.mark.parametrize("trusted", ["127.0.0.0/8"])
async def test_a_trusted_proxy_may_have_any_number_of_connections(connect, trusted):
    await fill(connect)

    assert (await look(await connect()))[0] == 200


@pytest.fixture
def behind_a_proxy():
    """A chain that counts, and a route that answers once it is let."""
    refused = []
    chain = middleware._crowded(Crowd(MOST, lambda: refused.append(1)))
    let = asyncio.Event()

    async def route(request):
        await let.wait()
        return request

    return lambda request: chain(request, route), let, refused


async def test_behind_a_proxy_the_requests_of_one_reader_are_counted(behind_a_proxy):
    ask, let, refused = behind_a_proxy
    waiting = [asyncio.create_task(ask({ADDRESS: "203.0.113.9"})) for _ in range(MOST)]
    await asyncio.sleep(0)

    with pytest.raises(TooManyAtOnce):
        await ask({ADDRESS: "203.0.113.9"})
    others = asyncio.create_task(ask({ADDRESS: "203.0.113.10"}))
    direct = asyncio.create_task(ask({}))
    let.set()

    assert len(await asyncio.gather(*waiting, others, direct)) == MOST + 2
    assert await ask({ADDRESS: "203.0.113.9"})
    assert refused == [1]


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", True, id="the same"),
        pytest.param("192.0.2.1", "192.0.2.2", False, id="another"),
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", True, id="an old address written as a new one"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True, id="one network"),
        pytest.param("2001:db8:1:2::1", "2001:db8:1:3::1", False, id="another network"),
        pytest.param("fe80::1%eth0", "fe80::2%eth0", True, id="a network of a wire"),
    ],
)
def test_which_addresses_count_as_one(first, second, is_one):
    crowd = Crowd(1, lambda: None)
    crowd.enter(first)

    with pytest.raises(TooManyAtOnce) if is_one else contextlib.nullcontext():
        crowd.enter(second)


def test_with_a_limit_of_0_there_is_none():
    crowd = Crowd(0, lambda: None)

    places = [crowd.enter("192.0.2.1") for _ in range(1_000)]

    assert set(places) == {"192.0.2.1"}


@pytest.mark.slow
async def test_g12_two_thousand_half_open_connections_keep_nobody_else_waiting(connect, site):
    crowd = await asyncio.gather(*(connect() for _ in range(2_000)))
    for _, writer in crowd:
        with contextlib.suppress(ConnectionError):
            writer.write(HEAD)

    spent = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))) as other:
        for _ in range(50):
            started = time.perf_counter()
            async with other.get(f"{site.url}/livez") as found:
                assert found.status == 200
            spent.append(time.perf_counter() - started)

    assert max(spent) < 1
