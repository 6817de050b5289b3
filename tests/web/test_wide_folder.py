"""A folder with very many entries: its first page comes at once, and its pages fit together while others write."""

import asyncio
import itertools
import os
import random
import time

import msgspec
import pytest

from tests.web.conftest import PASSWORD

pytestmark = pytest.mark.slow

SPACE = "/api/v1/spaces/personal"
ENTRIES = int(os.environ.get("CLOUDCONNECT_WIDE_ENTRIES", "6000"))
FIRST_PAGE_SECONDS = 0.1
ROUNDS = 9


@pytest.fixture
async def wide(site):
    """A site whose folder /wide holds so many files."""
    for first in range(0, ENTRIES, 4_000):
        items = [[f"/wide/{number:06}.txt", b"%d" % number] for number in range(first, min(ENTRIES, first + 4_000))]
        body, kind = msgspec.msgpack.encode(items), {"Content-Type": "application/msgpack"}
        async with site.ask("POST", f"{SPACE}/bulk", data=body, headers=kind) as answer:
            assert answer.status == 200, await answer.text()
    async with site.ask("PUT", f"{SPACE}/brake", json={"changes": 0}) as answer:
        assert answer.status == 200
    return site


async def write_until_told(site, is_over, chance):
    """Add, remove, rename and replace files of the folder, everywhere in it; return how many changes that were."""
    for done in itertools.count():
        if is_over.is_set():
            return done
        name, other = (f"/dav/personal/wide/{chance.randrange(ENTRIES):06}.txt" for _ in range(2))
        match chance.randrange(4):
            case 0:
                request = site.ask("DELETE", name)
            case 1:
                request = site.ask("MOVE", name, headers={"Destination": other})
            case 2:
                request = site.ask("PUT", name, data=b"other")
            case _:
                request = site.ask("PUT", name.replace(".txt", chance.choice((".a", ".z"))), data=b"new")
        async with request as answer:
            assert answer.status < 500
    raise AssertionError


async def walk(site, url, limit):
    """Return what all pages together hold."""
    found, cursor = [], {}
    while True:
        async with site.ask("GET", url, params={"limit": str(limit)} | cursor) as answer:
            page = await answer.json()
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def seconds_of(request):
    """Return how long the fastest of some requests takes; *request* makes one."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        async with request() as answer:
            await answer.read()
            assert answer.status in {200, 207}, answer.status
        taken.append(time.perf_counter() - began)
    return min(taken)


@pytest.mark.parametrize("listing", ["children", "tree"])
async def test_walking_all_pages_while_others_write_shows_nothing_twice_and_leaves_nothing_out(wide, listing):
    url = f"{SPACE}/{listing}/wide"
    before = await walk(wide, url, 1_000)
    is_over = asyncio.Event()
    async with wide.ask("GET", url, params={"limit": "500"}) as answer:
        first = await answer.json()

    writers = [asyncio.create_task(write_until_told(wide, is_over, random.Random(each))) for each in range(3)]
    found, cursor = first["data"], first["next_cursor"]
    while cursor is not None:
        async with wide.ask("GET", url, params={"limit": "500", "cursor": cursor}) as answer:
            page = await answer.json()
        found, cursor = found + page["data"], page["next_cursor"]
    is_over.set()
    changes = sum(await asyncio.gather(*writers))

    assert changes > 20
    assert len(before) == ENTRIES
    assert [each | {"tags": None} for each in found] == [each | {"tags": None} for each in before]


async def test_the_first_page_comes_at_once(wide, capsys):
    signing_in = {"name": "admin", "password": PASSWORD}
    async with wide.ask("POST", "/api/v1/sessions", token="", json=signing_in) as answer:
        cookie = {"Cookie": f"cc={(await answer.json())['token']}"}
    asked = {
        "REST": lambda: wide.ask("GET", f"{SPACE}/children/wide"),
        "the command line": lambda: wide.ask("GET", f"{SPACE}/children/wide?limit=1000"),
        "the web": lambda: wide.ask("GET", "/files/wide", token="", headers=cookie),
    }
    told = {face: await seconds_of(request) for face, request in asked.items()}
    with capsys.disabled():
        print({face: f"{seconds * 1000:.0f} ms" for face, seconds in told.items()})
    assert all(seconds <= FIRST_PAGE_SECONDS for seconds in told.values()), told
