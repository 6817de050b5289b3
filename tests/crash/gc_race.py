"""Collect garbage without a pause while clients upload, download and count on what is about to be removed.

    python tests/crash/gc_race.py [--minutes 60] [--place DIR]

Some clients store chunks and never make a file of them, or break off in the middle of an upload: that is the garbage.
Others upload files, half of them with the very content that was left as garbage a moment ago, so that they find chunks
that are condemned, being removed or being moved. Others read, some of them slowly. Garbage is collected one run after
the other with two seconds of grace. At the end every file must be what was sent, and of the garbage hardly any is left.
"""

import argparse
import asyncio
import collections
import contextlib
import hashlib
import io
import random
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
from kill_loop import PASSWORD, Bench

from cloudconnect.storage.packs import bare_bytes

GRACE_SECONDS = 2
SMALL_BYTES = 250_000
LARGE_BYTES = 9_000_000
LEAST_RECLAIMED = 0.95


@dataclass
class Race:
    """What the clients share."""

    bench: Bench
    http: aiohttp.ClientSession
    random: random.Random
    ends: float
    files: dict[str, str] = field(default_factory=dict)
    left: collections.deque[int] = field(default_factory=lambda: collections.deque(maxlen=60))
    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def is_on(self) -> bool:
        return time.monotonic() < self.ends


def content(seed: int) -> bytes:
    """Return the content that *seed* stands for; one in twelve has several chunks."""
    chosen = random.Random(seed)
    size = chosen.randrange(SMALL_BYTES, LARGE_BYTES) if seed % 12 == 0 else chosen.randrange(200, SMALL_BYTES)
    return chosen.randbytes(size)


async def leave_garbage(race: Race) -> None:
    """Store what no file will need, unless another client happens to upload the same."""
    while race.is_on:
        seed = race.random.randrange(1 << 40)
        raw = await asyncio.to_thread(content, seed)
        if len(raw) > SMALL_BYTES:
            await break_off(race, raw)
        else:
            async with race.http.post(f"{race.bench.url}/chunks", data=msgspec.msgpack.encode([raw])) as answer:
                await expect(race, answer, 200)
        race.left.append(seed)
        race.counts["left behind"] += 1
        await asyncio.sleep(race.random.uniform(0, 0.1))


async def break_off(race: Race, raw: bytes) -> None:
    async def body():
        yield raw[: len(raw) * 2 // 3]
        raise ConnectionResetError

    with contextlib.suppress(aiohttp.ClientError, ConnectionError):
        await race.http.put(f"{race.bench.url}/content/broken.bin", data=body())


async def upload(race: Race, number: int) -> None:
    """Upload new files, every other one with a content that lies about as garbage."""
    for count in range(1 << 30):
        if not race.is_on:
            return
        known = race.left and race.random.random() < 0.5
        seed = race.random.choice(race.left) if known else race.random.randrange(1 << 40)
        raw = await asyncio.to_thread(content, seed)
        path = f"{number}/{count}.bin"
        url = f"{race.bench.url}/content/{path}?parents=true"
        while True:
            async with race.http.put(url, data=io.BytesIO(raw)) as answer:
                # A chunk it counted on went in this very moment: nothing was changed, and the client sends it again.
                if answer.status == 409:
                    race.counts["sent again"] += 1
                    continue
                await expect(race, answer, 201)
            break
        race.files[path] = hashlib.sha256(raw).hexdigest()
        race.counts["uploaded"] += 1
        await asyncio.sleep(race.random.uniform(0, 1.2))


async def download(race: Race, pause: float) -> None:
    """Read files that are there; with a *pause* in seconds after each piece."""
    while race.is_on:
        if not race.files:
            await asyncio.sleep(0.1)
            continue
        path = race.random.choice(list(race.files))
        await read(race, path, pause)
        race.counts["downloaded"] += 1
        await asyncio.sleep(race.random.uniform(0, 0.1))


async def read(race: Race, path: str, pause: float = 0.0) -> None:
    digest = hashlib.sha256()
    try:
        async with race.http.get(f"{race.bench.url}/content/{path}") as answer:
            await expect(race, answer, 200)
            async for piece in answer.content.iter_chunked(65_536):
                digest.update(piece)
                if pause:
                    await asyncio.sleep(pause)
    except (aiohttp.ClientError, ConnectionError) as error:
        race.violations.append(f"{path}: download broke: {error!r}")
        return
    if digest.hexdigest() != race.files[path]:
        race.violations.append(f"{path}: not what was sent")


async def collect(race: Race, grace: int = GRACE_SECONDS) -> None:
    """Run one collection to its end."""
    url = f"{race.bench.url.removesuffix('/spaces/personal')}/operations"
    body = {"kind": "storage.gc", "parameters": {"grace_seconds": str(grace)}}
    async with race.http.post(url, json=body) as answer:
        await expect(race, answer, 202)
        identifier = (await answer.json())["id"]
    while True:
        async with race.http.get(f"{url}/{identifier}") as answer:
            running = await answer.json()
        if running["state"] not in {"waiting", "running"}:
            break
        await asyncio.sleep(0.05)
    if running["state"] != "done":
        race.violations.append(f"gc ended as {running['state']}: {running['error']}")
    for name in ("chunks_removed", "removed_bytes", "chunks_moved", "packs_removed"):
        race.counts[name] += running["result"].get(name, 0)
    race.counts["collections"] += 1


async def collect_always(race: Race) -> None:
    while race.is_on:
        await collect(race)


async def expect(race: Race, answer: aiohttp.ClientResponse, status: int) -> None:
    if answer.status != status:
        race.violations.append(f"{answer.method} {answer.url.path}: {answer.status} {(await answer.text())[:300]}")


async def tell(race: Race) -> None:
    while race.is_on:
        await asyncio.sleep(30)
        print(f"{dict(race.counts)}, {len(race.violations)} violations, {rss_mib(race.bench.process)} MiB", flush=True)


async def race_once(bench: Bench, seconds: float, seed: int) -> Race:
    """Let them race for so long, collect what is left, and read everything."""
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.UnixConnector(str(bench.place / "home" / "run" / "cloudconnect.sock"))
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        race = Race(bench, http, random.Random(seed), time.monotonic() + seconds)
        clients = [upload(race, number) for number in range(3)]
        clients += [*(leave_garbage(race) for _ in range(4)), download(race, 0), download(race, 0.05)]
        telling = asyncio.create_task(tell(race))
        await asyncio.gather(collect_always(race), *clients)
        telling.cancel()
        for _ in range(3):
            await collect(race, grace=0)
        for path in race.files:
            await read(race, path)
    return race


def rss_mib(process: int) -> int:
    """Return the resident memory of *process*, MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10


def reclaimed(race: Race) -> float:
    """Return the share of the garbage that is gone: of what was removed or still fills packs for nothing."""
    database = race.bench.place / "home" / "cloudconnect.db"
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as sql:
        uses = sql.execute(
            "SELECT pack.size, COUNT(chunk.key), COALESCE(SUM(chunk.length), 0) FROM pack"
            " LEFT JOIN chunk ON chunk.pack = pack.number AND chunk.key NOT IN (SELECT key FROM condemned)"
            " WHERE pack.state = 'live' GROUP BY pack.number"
        ).fetchall()
    left = sum(max(size - used - bare_bytes(chunks), 0) for size, chunks, used in uses)
    return race.counts["removed_bytes"] / max(race.counts["removed_bytes"] + left, 1)


def run(seconds: float, place: Path, seed: int = 1) -> Race:
    """Race for *seconds* in the empty directory *place*."""
    bench = Bench(place, random.Random(seed))
    (place / "password").write_text(PASSWORD)
    bench.start()
    try:
        race = asyncio.run(race_once(bench, seconds, seed))
    finally:
        bench.stop()
    return race


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--place", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudconnect-race-", dir=options.place) as place:
        race = run(options.minutes * 60, Path(place), options.seed)
        share = reclaimed(race)
    print(dict(race.counts))
    print(f"{len(race.violations)} violations, {share:.1%} of the garbage reclaimed")
    for violation in race.violations[:50]:
        print(violation)
    sys.exit(bool(race.violations) or share < LEAST_RECLAIMED)


if __name__ == "__main__":
    main()
