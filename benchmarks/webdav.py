"""WebDAV beside wsgidav, copyparty and rclone serve webdav: the same client, the same requests, ratios beside.

    python benchmarks/webdav.py --peers .peers/bin --rounds 3

``--peers`` is the bin directory of an environment with wsgidav, cheroot and copyparty from PyPI; rclone is Debian's.
A peer that is not there is left out. Ours seals, deduplicates, versions, and answers a PUT once it is durable; the
peers write plain files and wait for no disk. Figures are medians of the rounds; ``cpu`` is the server's own.
"""

import argparse
import asyncio
import base64
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from appliance import Appliance, free_port

SMALL_FILES = 2_000
RANGES = 500
LOOKS = 2_000
START_SECONDS = 30
PIECE = 1 << 20
BULK = 2_000


class Server:
    """A WebDAV server of a benchmark's own, over a fresh place."""

    name = ""

    def __init__(self, place: Path, peers: Path) -> None:
        self.place = place
        self.port = free_port()
        self.prefix = ""
        self.headers: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.root = place / "root"
        self.peers = peers

    def command(self) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def program(self) -> str | None:
        """Return the program, None if it is not there."""
        return shutil.which(self.command()[0])

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.root.mkdir(parents=True)
        log = (self.place / "log").open("wb")
        environment = os.environ | {"HOME": str(self.place)}
        self.process = subprocess.Popen(self.command(), cwd=self.place, stdout=log, stderr=log, env=environment)
        started = time.perf_counter()
        while time.perf_counter() - started < START_SECONDS:
            try:
                asyncio.run(Connection.look(self))
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise SystemExit(f"{self.name} did not start: {(self.place / 'log').read_text()}")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()

    def pid(self) -> int:
        """Return its process."""
        if self.process is None:
            raise SystemExit("it is not running")
        return self.process.pid

    def cpu(self) -> float:
        """Return the processor seconds that it has used."""
        fields = Path(f"/proc/{self.pid()}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Return its resident memory."""
        status = Path(f"/proc/{self.pid()}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def fill(self, folder: str, count: int) -> None:
        """Put *count* small files into *folder*, in whatever way is quickest."""
        place = self.root / folder
        place.mkdir(parents=True)
        for number in range(count):
            (place / f"entry {number:06}.txt").write_text(f"content {number}")


class Ours(Server):
    """CloudConnect."""

    name = "cloudconnect"

    def program(self) -> str | None:
        """Return the program, which is always there."""
        return "cloudconnect"

    def start(self) -> None:
        """Start a daemon and make a token."""
        self.place.mkdir(parents=True)
        self.appliance = Appliance(self.place / "home")
        self.appliance.start()
        self.port, self.process = self.appliance.port, self.appliance.process
        self.prefix = "/dav/personal"
        self.token = self.appliance.token()
        credential = base64.b64encode(f"admin:{self.token}".encode()).decode()
        self.headers = {"Authorization": f"Basic {credential}"}

    def fill(self, folder: str, count: int) -> None:
        """Put *count* small files into *folder*, many at once."""
        asyncio.run(self._fill(folder, count))

    async def _fill(self, folder: str, count: int) -> None:
        connection = await Connection.open(self)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/msgpack"}
        for start in range(0, count, BULK):
            numbers = range(start, min(start + BULK, count))
            items = [(f"/{folder}/entry {n:06}.txt", b"content %d" % n, None, None) for n in numbers]
            body = msgspec.msgpack.encode(items)
            await connection.send("POST", "/api/v1/spaces/personal/bulk", body, headers)
        connection.close()


class WsgiDav(Server):
    """wsgidav with cheroot, its own recommendation."""

    name = "wsgidav"

    def command(self) -> list[str]:
        """Return what starts it."""
        options = ["--host=127.0.0.1", f"--port={self.port}", f"--root={self.root}", "--auth=anonymous"]
        return [str(self.peers / "wsgidav"), *options, "--server=cheroot", "--quiet"]


class CopyParty(Server):
    """copyparty with full write access over WebDAV."""

    name = "copyparty"

    def command(self) -> list[str]:
        """Return what starts it."""
        volume = f"{self.root}::rwmd"
        return [str(self.peers / "copyparty"), "-i", "127.0.0.1", "-p", str(self.port), "-v", volume, "--daw", "-q"]


class Rclone(Server):
    """rclone serve webdav over a directory."""

    name = "rclone"

    def command(self) -> list[str]:
        """Return what starts it."""
        return [
            "rclone",
            "serve",
            "webdav",
            str(self.root),
            "--addr",
            f"127.0.0.1:{self.port}",
            "--dir-cache-time",
            "0s",
        ]

    def fill(self, folder: str, count: int) -> None:
        """Put *count* small files into *folder*, and have the listings that it remembers forgotten."""
        super().fill(folder, count)
        os.kill(self.pid(), signal.SIGHUP)
        time.sleep(1)


class Connection:
    """One kept-alive HTTP connection that does as little as a client can."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, server: Server) -> "Connection":
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4 << 20)
        return cls(server, reader, writer)

    @classmethod
    async def look(cls, server: Server) -> None:
        """Ask for the root once."""
        connection = await cls.open(server)
        await connection.ask("PROPFIND", "/", headers={"Depth": "0"})
        connection.close()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *, times: int = 1
    ) -> int:
        """Send a request below the server's prefix, the body *times* times; return how many bytes were answered."""
        fields = self._server.headers | (headers or {})
        if "Destination" in fields:
            fields["Destination"] = f"http://127.0.0.1:{self._server.port}{self._server.prefix}{fields['Destination']}"
        return await self.send(method, self._server.prefix + path, body, fields, times=times)

    async def send(self, method: str, path: str, body: bytes, fields: dict[str, str], *, times: int = 1) -> int:
        """Send a request as it is; return how many bytes were answered."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._server.port}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        if body or method in {"PUT", "POST"}:
            lines.append(f"Content-Length: {len(body) * times}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        if times == 1:
            self._writer.write(head + body)
        else:
            self._writer.write(head)
            for _ in range(times):
                self._writer.write(body)
                await self._writer.drain()
        return await self._read(f"{method} {path}")

    async def _read(self, what: str) -> int:
        top = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = top.rstrip().split("\r\n")
        fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        if int(status.split()[1]) >= 300:
            raise SystemExit(f"{self._server.name}: {what}: {status}")
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return await self._read_chunks()
        return await self._skip(int(fields.get("content-length", "0")))

    async def _read_chunks(self) -> int:
        count = 0
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            count += await self._skip(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return count

    async def _skip(self, size: int) -> int:
        left = size
        while left:
            left -= len(await self._reader.read(min(left, PIECE)))
        return size


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
