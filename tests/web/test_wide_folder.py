"""A folder with very many entries: its pages fit together while others write."""

import asyncio
import itertools
import os
import random

import msgspec
import pytest

pytestmark = pytest.mark.slow

SPACE = "/api/v1/spaces/personal"
ENTRIES = int(os.environ.get("CLOUDCONNECT_WIDE_ENTRIES", "6000"))


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
