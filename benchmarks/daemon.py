"""What the daemon costs: start, memory at rest, memory while 4 GiB go in and out, and small files over REST.

    python benchmarks/daemon.py [--place DIR] [--gib 4]

The peer for small files is `cp` with an fsync for each file on the same disk: what the disk allows a tool that promises
as much, without encryption, versions or HTTP.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import aiohttp
from appliance import Appliance

PIECE = os.urandom(1 << 20)
SMALL = 2_000
SMALL_BYTES = 8_192


async def put_large(appliance: Appliance, token: str, gib: int) -> float:
    """Upload one large file; return MiB/s."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(gib * 1024):
            yield number.to_bytes(8, "big") + PIECE[8:]

    started = time.perf_counter()
    async with session(token) as http:
        url = f"{appliance.url}/api/v1/spaces/personal/content/large.bin"
        async with http.put(url, data=pieces()) as answer:
            answer.raise_for_status()
    return gib * 1024 / (time.perf_counter() - started)


async def get_large(appliance: Appliance, token: str, gib: int) -> float:
    """Download it again; return MiB/s."""
    started = time.perf_counter()
    size = 0
    url = f"{appliance.url}/api/v1/spaces/personal/content/large.bin"
    async with session(token) as http, http.get(url) as answer:
        answer.raise_for_status()
        async for piece in answer.content.iter_chunked(1 << 20):
            size += len(piece)
    if size != gib << 30:
        raise SystemExit(f"{size} bytes came back")
    return gib * 1024 / (time.perf_counter() - started)


async def put_small(appliance: Appliance, token: str, connections: int) -> float:
    """Upload small files over a number of connections; return files/s."""
    left = list(range(SMALL))
    async with session(token) as http:

        async def work() -> None:
            while left:
                name = f"small-{connections}/{left.pop()}.bin"
                url = f"{appliance.url}/api/v1/spaces/personal/content/{name}?parents=true"
                async with http.put(url, data=os.urandom(SMALL_BYTES)) as answer:
                    answer.raise_for_status()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(connections)))
    return SMALL / (time.perf_counter() - started)


def copy_small(place: Path) -> float:
    """Write as many small files with an fsync each; return files/s."""
    place.mkdir()
    started = time.perf_counter()
    for number in range(SMALL):
        with (place / str(number)).open("wb") as file:
            file.write(os.urandom(SMALL_BYTES))
            file.flush()
            os.fsync(file.fileno())
    return SMALL / (time.perf_counter() - started)


def session(token: str) -> aiohttp.ClientSession:
    """Return a client that shows *token*."""
    return aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=None)
    )


class Peak:
    """The largest resident memory of a daemon while the block runs, MiB."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mib = 0.0

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End watching."""
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.05):
            self.mib = max(self.mib, self._appliance.rss_mib())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    parser.add_argument("--gib", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        appliance = Appliance(Path(place) / "home")
        print(f"first start (makes the store)    {appliance.start():8.2f} s")
        appliance.stop()
        starts = []
        for _ in range(5):
            starts.append(appliance.start())
            appliance.stop()
        appliance.start()
        print(f"start until ready, median of 5   {statistics.median(starts):8.2f} s")
        time.sleep(2)
        print(f"memory at rest                   {appliance.rss_mib():8.0f} MiB")
        token = appliance.token()
        for connections in (1, 8, 64):
            rate = asyncio.run(put_small(appliance, token, connections))
            print(f"small files, {connections:2} connections      {rate:8.0f} files/s")
        rate = copy_small(Path(place) / "copies")
        print(f"cp + fsync on the same disk      {rate:8.0f} files/s")
        with Peak(appliance) as peak:
            rate = asyncio.run(put_large(appliance, token, options.gib))
        print(f"{options.gib} GiB in                         {rate:8.0f} MiB/s, peak memory {peak.mib:.0f} MiB")
        with Peak(appliance) as peak:
            rate = asyncio.run(get_large(appliance, token, options.gib))
        print(f"{options.gib} GiB out                        {rate:8.0f} MiB/s, peak memory {peak.mib:.0f} MiB")
        appliance.stop()


if __name__ == "__main__":
    main()
