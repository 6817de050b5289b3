"""A program that removes everything over WebDAV, and the person who takes it back on the command line."""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from cloudconnect.assembly import assemble, initialise
from cloudconnect.kernel.clock import HeldClock

pytestmark = pytest.mark.slow

PROGRAM = str(Path(sys.executable).with_name("cloudconnect"))
SPACE = "/api/v1/spaces/personal"
MEANT = int(os.environ.get("CLOUDCONNECT_MEANT_REMOVALS", "600"))


@pytest.fixture
def clock():
    return HeldClock(datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture
async def appliance(settings, clock):
    initialise(settings)
    appliance = assemble(settings, clock)
    await appliance.start()
    yield appliance
    await appliance.stop()


@pytest.fixture
async def program(site):
    """A token of the administrator's, and its id: a sync client that runs wild."""
    admin = await site.appliance.auth.local_administrator()
    token, made = await site.appliance.developer.add_token(admin, "sync", ["files.read", "files.write"], None)
    return token, made.id


async def fill(site, clock, count):
    """Store so many small files, and let an hour pass: what is young may go."""
    for first in range(0, count, 4_000):
        items = [[f"/f/{number:05}", b"%d" % number] for number in range(first, min(count, first + 4_000))]
        body, kind = msgspec.msgpack.encode(items), {"Content-Type": "application/msgpack"}
        async with site.ask("POST", f"{SPACE}/bulk", data=body, headers=kind) as answer:
            assert answer.status == 200, await answer.text()
    clock.advance(timedelta(hours=1))


async def listing(site):
    found, cursor = [], {}
    while True:
        async with site.ask("GET", f"{SPACE}/tree/", params={"limit": "1000"} | cursor) as answer:
            page = await answer.json()
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def remove(site, token, count, connections=8):
    """Remove so many files over WebDAV, whatever is answered; return how many were removed."""
    numbers, statuses = iter(range(count)), []

    async def work():
        for number in numbers:
            async with site.ask("DELETE", f"/dav/personal/f/{number:05}", token=token) as answer:
                statuses.append(answer.status)

    await asyncio.gather(*(work() for _ in range(connections)))
    assert set(statuses) <= {204, 429}
    return statuses.count(204)


async def command(site, tmp_path, token, *arguments):
    """Run the command line as whoever has *token*; return its exit code and what it says."""
    (tmp_path / "token").write_text(token)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "CLOUDCONNECT_URL": site.url,
        "CLOUDCONNECT_TOKEN_FILE": str(tmp_path / "token"),
    }
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(PROGRAM, *arguments, env=environment, stdout=pipe, stderr=pipe)
    said, complained = await running.communicate()
    return running.returncode, (said + complained).decode()


async def test_five_thousand_removals_are_stopped_and_taken_back_to_the_bit(site, clock, program, tmp_path):
    token, session = program
    await fill(site, clock, 5_000)
    before = await listing(site)
    began = time.monotonic()

    removed = await remove(site, token, 5_000)

    assert 0 < removed <= 200
    assert time.monotonic() - began < 30
    assert len(await listing(site)) == len(before) - removed
    code, said = await command(site, tmp_path, site.admin, "rollback", "--session", session, "--yes")
    assert code == 0, said
    after = await listing(site)
    assert after == before
    for number in range(0, 5_000, 25):
        async with site.ask("GET", f"/dav/personal/f/{number:05}") as answer:
            assert await answer.read() == b"%d" % number


async def test_as_many_removals_as_were_announced_pass(site, clock, program):
    token, _ = program
    await fill(site, clock, MEANT)
    async with site.ask("POST", f"{SPACE}/brake-expectations", token=token, json={"changes": MEANT}) as answer:
        assert answer.status == 204
    assert await remove(site, token, MEANT) == MEANT


async def test_rm_removes_as_many_as_it_is_told_to_expect_and_else_nothing(site, clock, program, tmp_path):
    token, _ = program
    await fill(site, clock, 12_000)
    code, said = await command(site, tmp_path, token, "rm", "-r", "/f", "--yes", "--expect", "11999")
    assert (code != 0, "12000 files" in said) == (True, True), said
    assert len(await listing(site)) == 12_001

    code, said = await command(site, tmp_path, token, "rm", "-r", "/f", "--yes", "--expect", "12000")

    assert code == 0, said
    assert await listing(site) == []
    async with site.ask("POST", f"{SPACE}/folders/writes-still", token=token) as answer:
        assert answer.status == 201
