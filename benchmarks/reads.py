"""Random reads of 4 KiB from a set of files, and how soon a large file begins: the engine alone and over the daemon.

    python benchmarks/reads.py [--place DIR] [--size 10GiB] [--reads 2000]

The files have 1 GiB each and hold random bytes. The packs lie in the page cache as far as memory goes: what is measured
is the way from the question to the bytes, each of which is proven before it is given. One read comes after the other;
over the daemon, on one kept connection to the loopback address.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
from appliance import Appliance
from corpora import Noise, size_of

from cloudconnect.database import open_database
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.storage import index
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.slots import KeyFileSlot

FILE_BYTES = 1 << 30
READ_BYTES = 4_096
FIRST_BYTES = 200
SEED = 7

Read = Callable[[int, int, int | None], Awaitable[bytes]]
"""Returns the first piece of a range of the file with a number."""


async def fill(appliance: Appliance, token: str, files: int) -> None:
    """Put the files."""

    async def pieces(number: int) -> AsyncIterator[bytes]:
        noise = Noise(number + 1)
        for _ in range(FILE_BYTES >> 20):
            yield noise.take(1 << 20)

    async with session(token) as http:
        for number in range(files):
            url = f"{appliance.url}/api/v1/spaces/personal/content/{number}.bin"
            async with http.put(url, data=pieces(number)) as answer:
                answer.raise_for_status()


def session(token: str) -> aiohttp.ClientSession:
    """Return a client that shows *token*."""
    return aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=None)
    )


async def over_daemon(appliance: Appliance, token: str, files: int, reads: int) -> None:
    """Measure range requests."""
    async with session(token) as http:

        async def read(number: int, start: int, stop: int | None) -> bytes:
            headers = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}"}
            url = f"{appliance.url}/api/v1/spaces/personal/content/{number}.bin"
            async with http.get(url, headers=headers) as answer:
                answer.raise_for_status()
                if stop is not None:
                    return await answer.read()
                piece = await answer.content.readany()
                answer.close()
                return piece

        await measure("daemon", read, files, reads)


async def over_vault(home: Path, files: int, reads: int) -> None:
    """Measure the engine alone, over the store that the daemon has left."""
    keyring = Keyring.open(home / "keyring.db", KeyFileSlot(home.parent / "home.key"))
    database = open_database("sqlite:", home)
    repository = Repository(
        home,
        LocalBackend(home, Health()),
        keyring,
        find=lambda keys: database.read_now(lambda sql: index.find(sql, keys)),
        locate=lambda keys: database.read_now(lambda sql: index.locate(sql, keys)),
        health=Health(),
        floor=Floor(home),
    )
    vault = Vault(repository)
    rows = database.read_now(
        lambda sql: sql.rows(
            "SELECT entry.name, entry.space, version.manifest FROM version JOIN entry ON entry.node = version.node"
        )
    )
    found = {name: (SpaceId(space), manifest) for name, space, manifest in rows}

    async def read(number: int, start: int, stop: int | None) -> bytes:
        space, manifest = found[f"{number}.bin"]
        pieces = vault.read(space, manifest, start, stop)
        if stop is None:
            return await anext(pieces)
        return b"".join([piece async for piece in pieces])

    await measure("vault", read, files, reads)
    await vault.close()
    database.close()
    keyring.close()


async def measure(name: str, read: Read, files: int, reads: int) -> None:
    """Read here and there, compare a little with what was put, and print."""
    dice = random.Random(SEED)
    for number in range(min(files, 3)):
        if await read(number, 0, READ_BYTES) != Noise(number + 1).take(READ_BYTES):
            raise SystemExit("other bytes came back")
    taken = []
    for _ in range(reads):
        number, start = dice.randrange(files), dice.randrange(FILE_BYTES // READ_BYTES) * READ_BYTES
        taken.append(await timed(read, number, start, start + READ_BYTES))
    tell(f"{name}, 4 KiB anywhere in {files} GiB", taken)
    tell(f"{name}, first byte of 1 GiB", [await timed(read, each % files, 0, None) for each in range(FIRST_BYTES)])


async def timed(read: Read, number: int, start: int, stop: int | None) -> float:
    """Return the milliseconds of one read."""
    began = time.perf_counter()
    piece = await read(number, start, stop)
    taken = 1e3 * (time.perf_counter() - began)
    if not piece or (stop is not None and len(piece) != stop - start):
        raise SystemExit("too few bytes came back")
    return taken


def tell(name: str, taken: list[float]) -> None:
    """Print median, 99th percentile and maximum."""
    percentiles = statistics.quantiles(taken, n=100)
    print(
        f"{name:40} p50 {percentiles[49]:7.2f} ms   p99 {percentiles[98]:7.2f} ms   most {max(taken):7.2f} ms",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    parser.add_argument("--size", type=size_of, default=10 << 30)
    parser.add_argument("--reads", type=int, default=2_000)
    options = parser.parse_args()
    files = max(options.size // FILE_BYTES, 1)
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        appliance = Appliance(Path(place) / "home")
        appliance.start()
        token = appliance.token()
        started = time.perf_counter()
        asyncio.run(fill(appliance, token, files))
        print(f"put {files} GiB in {time.perf_counter() - started:.0f} s")
        os.sync()  # else the reads would wait for what the kernel still writes of the puts
        asyncio.run(over_daemon(appliance, token, files, options.reads))
        appliance.stop()
        asyncio.run(over_vault(Path(place) / "home", files, options.reads))


if __name__ == "__main__":
    main()
