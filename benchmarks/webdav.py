"""WebDAV beside wsgidav, copyparty and rclone serve webdav: the same client, the same requests, ratios beside.

    python benchmarks/webdav.py --peers .peers/bin --rounds 3

``--peers`` is the bin directory of an environment with wsgidav, cheroot and copyparty from PyPI; rclone is Debian's.
A peer that is not there is left out. Ours seals, deduplicates, versions, and answers a PUT once it is durable; the
peers write plain files and wait for no disk. Figures are medians of the rounds; ``cpu`` is the server's own.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from davservers import PIECE, Connection, CopyParty, Ours, Rclone, Server, WsgiDav

SMALL_FILES = 2_000
RANGES = 500
LOOKS = 2_000

Step = Callable[[Connection, int], Awaitable[int]]


async def spread(server: Server, count: int, connections: int, step: Step) -> None:
    """Do *step* for each number below *count*, over some connections at once."""
    opened = [await Connection.open(server) for _ in range(connections)]

    async def work(place: int) -> None:
        for number in range(place, count, connections):
            await step(opened[place], number)

    await asyncio.gather(*(work(place) for place in range(connections)))
    for connection in opened:
        connection.close()


class Measuring:
    """Runs the rows on one server and keeps what each took."""

    def __init__(self, server: Server, *, large_mib: int, many: int) -> None:
        self._server = server
        self._large_mib = large_mib
        self._many = many
        self.found: dict[str, tuple[float, float]] = {}

    def run(self) -> None:
        """Run every row."""
        self.found["memory before, MiB"] = (self._server.rss_mib(), 0)
        self._small()
        self._large()
        self._listings()
        self.found["memory after, MiB"] = (self._server.rss_mib(), 0)

    def _small(self) -> None:
        contents = [os.urandom(4_096 + number * 12_288 // SMALL_FILES) for number in range(SMALL_FILES)]
        for connections in (1, 8):
            folder = f"/small{connections}"

            async def put(connection: Connection, number: int, folder: str = folder) -> int:
                return await connection.ask("PUT", f"{folder}/{number}.bin", contents[number][::-1] + folder.encode())

            async def get(connection: Connection, number: int, folder: str = folder) -> int:
                return await connection.ask("GET", f"{folder}/{number}.bin")

            self._once("MKCOL", folder)
            self._rate(f"small PUT, {connections} at once, per s", SMALL_FILES, connections, put)
            self._rate(f"small GET, {connections} at once, per s", SMALL_FILES, connections, get)

        async def look(connection: Connection, number: int) -> int:
            return await connection.ask("PROPFIND", f"/small1/{number % SMALL_FILES}.bin", headers={"Depth": "0"})

        self._rate("PROPFIND depth 0, per s", LOOKS, 1, look)

    def _large(self) -> None:
        piece = os.urandom(PIECE)
        self._time(f"PUT {self._large_mib} MiB, s", "PUT", "/large.bin", piece, times=self._large_mib)
        self._time(f"GET {self._large_mib} MiB, s", "GET", "/large.bin")
        for kib in (64, 1024):

            async def read(connection: Connection, number: int, kib: int = kib) -> int:
                start = number * 7_919 * 4_096 % ((self._large_mib << 20) - (kib << 10))
                return await connection.ask(
                    "GET", "/large.bin", headers={"Range": f"bytes={start}-{start + (kib << 10) - 1}"}
                )

            self._rate(f"{kib} KiB ranges, per s", RANGES, 1, read)

    def _listings(self) -> None:
        for count in (10_000, self._many):
            self._server.fill(f"folder{count}", count)
            self._time(f"PROPFIND of {count:,}, s", "PROPFIND", f"/folder{count}/", headers={"Depth": "1"})
        headers = {"Destination": "/moved/", "Overwrite": "F"}
        self._time(f"MOVE of {self._many:,}, s", "MOVE", f"/folder{self._many}/", headers=headers)
        self._time(f"DELETE of {self._many:,}, s", "DELETE", "/moved/")

    def _once(self, method: str, path: str) -> None:
        async def act() -> None:
            connection = await Connection.open(self._server)
            await connection.ask(method, path)
            connection.close()

        asyncio.run(act())

    def _time(
        self, row: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, times: int = 1
    ) -> None:
        async def act() -> float:
            connection = await Connection.open(self._server)
            started = time.perf_counter()
            await connection.ask(method, path, body, headers, times=times)
            seconds = time.perf_counter() - started
            connection.close()
            return seconds

        cpu = self._server.cpu()
        seconds = asyncio.run(act())
        self.found[row] = (seconds, self._server.cpu() - cpu)

    def _rate(self, row: str, count: int, connections: int, step: Step) -> None:
        cpu, started = self._server.cpu(), time.perf_counter()
        asyncio.run(spread(self._server, count, connections, step))
        self.found[row] = (count / (time.perf_counter() - started), (self._server.cpu() - cpu) / count * 1_000)


def main() -> None:
    """Measure every server in turn, round by round, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path(".peers/bin"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large-mib", type=int, default=1_024)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--only", action="append", help="names of servers")
    options = parser.parse_args()
    results: dict[str, list[dict[str, tuple[float, float]]]] = {}
    for number in range(options.rounds):
        for kind in (Ours, WsgiDav, CopyParty, Rclone):
            if options.only and kind.name not in options.only:
                continue
            with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as place:
                server = kind(Path(place) / kind.name, options.peers.absolute())
                if server.program() is None:
                    continue
                server.start()
                try:
                    measuring = Measuring(server, large_mib=options.large_mib, many=options.many)
                    measuring.run()
                except (OSError, EOFError) as error:
                    print(f"# {kind.name} went away: {error}", flush=True)
                finally:
                    server.stop()
                results.setdefault(kind.name, []).append(measuring.found)
                print(f"# round {number + 1}: {kind.name} done, load {os.getloadavg()[0]:.1f}", flush=True)
    show(results)


def show(results: dict[str, list[dict[str, tuple[float, float]]]]) -> None:
    """Print medians; behind each of a peer's the ratio of ours to it, above 1 where ours does more or takes longer."""
    names = list(results)
    print(f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for row in results[names[0]][0]:
        cells = []
        own = 0.0
        for name in names:
            if any(row not in found for found in results[name]):
                cells.append("–")
                continue
            value = statistics.median(found[row][0] for found in results[name])
            cpu = statistics.median(found[row][1] for found in results[name])
            own = own or value
            unit = "ms" if row.endswith("per s") else "s"
            spent = "" if row.endswith("MiB") else f" (cpu {cpu:.2f} {unit})"
            ratio = "" if name == names[0] else f" ×{own / value:.2f}"
            cells.append(f"{value:,.2f}{spent}{ratio}" if value < 10 else f"{value:,.0f}{spent}{ratio}")
        print(f"| {row} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
