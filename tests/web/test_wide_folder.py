"""A folder with very many entries: its pages fit together while others write."""

import asyncio
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


async def change_something(site, chance):
    """Add, remove, rename or replace a file of the folder, anywhere in it."""
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


async def get_page(site, url, cursor=None):
    """Return a page of 500 entries of a listing."""
    parameters = {"limit": "500"} | ({} if cursor is None else {"cursor": cursor})
    async with site.ask("GET", url, params=parameters) as answer:
        return await answer.json()


async def walk(site, url):
    """Return what all pages together hold."""
    page = await get_page(site, url)
    found = page["data"]
    while page["next_cursor"] is not None:
        page = await get_page(site, url, page["next_cursor"])
        found += page["data"]
    return found


@pytest.mark.parametrize("listing", ["children", "tree"])
async def test_walking_all_pages_while_others_write_shows_nothing_twice_and_leaves_nothing_out(wide, listing):
    url = f"{SPACE}/{listing}/wide"
    before = await walk(wide, url)
    chance = random.Random(0)
    page = await get_page(wide, url)
    found = page["data"]

    while page["next_cursor"] is not None:
        changes = [change_something(wide, chance) for _ in range(6)]
        page, *_ = await asyncio.gather(get_page(wide, url, page["next_cursor"]), *changes)
        found += page["data"]

    assert len(before) == ENTRIES
    assert [each | {"tags": None} for each in found] == [each | {"tags": None} for each in before]
