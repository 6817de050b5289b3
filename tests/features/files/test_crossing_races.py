"""Several people move the same things between two spaces at once, in both directions, and remove and restore them."""

import asyncio
import contextlib
import dataclasses
import random

import pytest

from cloudconnect.features.files import AccountingService, Condition, Crossing
from cloudconnect.kernel.errors import CloudConnectError
from tests.features.files.uploading import stream

FILES = {f"/{folder}/{name}": f"{folder} {name}".encode() * 9 for folder in "ab" for name in ("1", "2", "deep/3")}
WHATEVER = Condition(is_whatever=True)


class Progress:
    """Lets an operation run to its end."""

    def report(self, done, total, note=""):
        pass

    def check(self):
        pass


@pytest.fixture
async def two(rooms, ada):
    for name in ("Left", "Right"):
        await rooms.spaces.create(ada, name)
    for path, raw in FILES.items():
        await rooms.files.put_file(ada, "Left", path, stream(raw), parents=True)
    # What is on its way gives way to others at every step, as it does when contents come from a disk.
    write_many = rooms.vault.write_many

    async def slowly(space, contents):
        for _ in range(3):
            await asyncio.sleep(0)
        return await write_many(space, contents)

    rooms.vault.write_many = slowly
    return rooms


async def contents(rooms, who, space):
    """Return what the files of a space hold, each read, and what lies in its trash once that is restored."""
    for trashed in reversed((await rooms.files.find_trash(who, space, 100, None)).items):
        with contextlib.suppress(CloudConnectError):
            await rooms.files.restore(who, space, trashed.node, f"/back {trashed.node}")
    found = await rooms.files.find_descendants(who, space, "/", limit=1_000)
    read = []
    for entry in found.items:
        if not entry.is_folder:
            opened = await rooms.files.open_file(who, space, entry.path)
            read.append(b"".join([piece async for piece in opened.read(0, None)]))
    return read


async def act(rooms, who, chance):
    """Do something to a folder or file, which may be refused."""
    one, other = chance.sample(["Left", "Right"], 2)
    path = chance.choice(["/a", "/b", "/a/deep", "/b/1"])
    match chance.choice(["move", "move", "move", "within", "trash", "restore"]):
        case "move":
            crossing = Crossing(
                space=one, path=path, into=other, target=path, is_move=True, replace=chance.random() < 0.5
            )
            await rooms.crossing.cross(who, crossing)
        case "within":
            await rooms.files.move(who, one, path, chance.choice(["/a", "/b", "/a/deep/x", "/b/x"]), replace=True)
        case "trash":
            await rooms.files.trash(who, one, path, WHATEVER)
        case "restore":
            trashed = (await rooms.files.find_trash(who, one, 10, None)).items
            if trashed:
                await rooms.files.restore(who, one, chance.choice(trashed).node)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_nothing_is_lost_or_counted_wrongly(two, ada, bob, seed):
    chance = random.Random(seed)
    admin = dataclasses.replace(ada, credential="ses_2")
    done = 0
    for _ in range(12):
        deeds = [act(two, chance.choice([ada, admin]), random.Random(chance.random())) for _ in range(6)]
        outcomes = await asyncio.gather(*deeds, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, CloudConnectError):
                raise outcome
        done += sum(outcome is None for outcome in outcomes)

    left = await contents(two, ada, "Left") + await contents(two, ada, "Right")
    assert set(left) == set(FILES.values())
    assert done > 10
    accounting = AccountingService(two.log, two.database, two.guide)
    assert await asyncio.to_thread(accounting.recount, {}, Progress()) == {"spaces_wrong": 0, "wrong_bytes": 0}
    await two.uploads.remove_expired()
    assert await two.database.read(lambda sql: sql.row("SELECT COUNT(*) FROM upload_chunk")[0]) == 0
