"""WebDAV beside wsgidav, copyparty and rclone: the same client, the same requests, in the same run.

    python benchmarks/webdav.py [--place DIR] [--only NAME …] [--mib 1024] [--entries 10000] [--rounds 3]

The peers keep plain files and never call fsync. Ours seals, deduplicates and versions what it takes, and answers once
it is durable; so what is compared is what a client feels, not what is done for it. Peers are started with their own
defaults: wsgidav with cheroot and copyparty from PyPI (their commands in PATH or beside --peers),
rclone from Debian. The client sends over plain sockets, one thread for each connection.
"""

import argparse
import base64
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance import Appliance, free_port

SMALL_FILES = 2_000
SMALL_BYTES = (4 << 10, 16 << 10)
TREE_FILES_IN_A_FOLDER = 1_000
START_SECONDS = 30
PIECE = 1 << 18


class Connection:
    """One connection that sends a request after the other."""

    def __init__(self, port: int, authorization: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: 127.0.0.1:{port}\r\n{authorization}".encode()
        self._left = b""

    def ask(
        self, method: str, path: str, *fields: str, body: bytes = b"", length: int | None = None
    ) -> tuple[int, int]:
        """Send a request, read the answer to its end, and return its status and how many bytes its body had."""
        size = len(body) if length is None else length
        lines = "".join(f"{each}\r\n" for each in fields)
        head = f"{method} {path} HTTP/1.1\r\n{lines}Content-Length: {size}\r\n".encode() + self._head + b"\r\n"
        self._socket.sendall(head + body if length is None else head)
        if length is not None:
            self._send_large(length)
        return self._read_answer(method)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _send_large(self, length: int) -> None:
        piece = memoryview(LARGE)
        for start in range(0, length, PIECE):
            self._socket.sendall(piece[start % len(piece) :][: min(PIECE, length - start)])

    def _read_answer(self, method: str) -> tuple[int, int]:
        data = self._left
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head, rest = data[:end].lower(), data[end + 4 :]
        status = int(head[9:12])
        if status == 100:
            self._left = rest
            return self._read_answer(method)
        if method == "HEAD" or status in {204, 304}:
            self._left = rest
            return status, 0
        if b"transfer-encoding: chunked" in head:
            return status, self._read_chunks(rest)
        found = re.search(rb"content-length: (\d+)", head)
        size = int(found[1]) if found else 0
        count = len(rest)
        while count < size:
            count += len(self._receive())
        self._left = rest[size:] if len(rest) > size else b""
        return status, size

    def _read_chunks(self, data: bytes) -> int:
        total = 0
        while True:
            while (end := data.find(b"\r\n")) < 0:
                data += self._receive()
            size, data = int(data[:end].split(b";")[0], 16), data[end + 2 :]
            total += size
            missing = size + 2
            while missing > len(data):
                missing -= len(data)
                data = self._receive()
            data = data[missing:]
            if size == 0:
                self._left = data
                return total

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise SystemExit("the server closed the connection")
        return data


LARGE = random.Random(1).randbytes(64 << 20)


@dataclass
class Server:
    """A server under test."""

    name: str
    place: Path
    peers: Path | None = None
    port: int = field(default_factory=free_port)
    authorization: str = ""
    root: str = "/"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        (self.place / "data").mkdir(parents=True)
        with (self.place / "log").open("wb") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.place)
        for _ in range(START_SECONDS * 100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.01)
        raise SystemExit(f"{self.name} did not start: {(self.place / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pid(self) -> int:
        """Return the id of its process."""
        if self.process is None:
            raise SystemExit(f"{self.name} is not running")
        return self.process.pid

    def command(self) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def program(self, name: str) -> str:
        """Return where the program *name* is."""
        beside = None if self.peers is None else self.peers / name
        return str(beside) if beside is not None and beside.exists() else shutil.which(name) or name

    def connect(self) -> Connection:
        """Open a connection to it."""
        return Connection(self.port, self.authorization)


class WsgiDav(Server):
    """wsgidav on cheroot."""

    def command(self) -> list[str]:
        """Return what starts it."""
        return [
            self.program("wsgidav"), "--host", "127.0.0.1", "--port", str(self.port),
            "--root", str(self.place / "data"), "--auth", "anonymous", "--server", "cheroot", "-q",
        ]  # fmt: skip


class CopyParty(Server):
    """copyparty."""

    def command(self) -> list[str]:
        """Return what starts it."""
        return [
            self.program("copyparty"), "-i", "127.0.0.1", "-p", str(self.port),
            "-v", f"{self.place / 'data'}::rwmd", "-q", "--no-crt", "--daw",
        ]  # fmt: skip


class Rclone(Server):
    """``rclone serve webdav``."""

    def command(self) -> list[str]:
        """Return what starts it."""
        return [self.program("rclone"), "serve", "webdav", str(self.place / "data"), "--addr", f"127.0.0.1:{self.port}"]


class Ours(Server):
    """CloudConnect."""

    appliance: Appliance

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.appliance = Appliance(self.place / "home")
        self.appliance.start()
        self.port = self.appliance.port
        secret = base64.b64encode(f"admin:{self.appliance.token()}".encode()).decode()
        self.authorization = f"Authorization: Basic {secret}\r\n"
        self.root = "/dav/personal/"

    def stop(self) -> None:
        """End it."""
        self.appliance.stop()

    def pid(self) -> int:
        """Return the id of its process."""
        if self.appliance.process is None:
            raise SystemExit("the daemon is not running")
        return self.appliance.process.pid


SERVERS = {"cloudconnect": Ours, "wsgidav": WsgiDav, "copyparty": CopyParty, "rclone": Rclone}


@dataclass
class Measured:
    """What one row says of one server: the figure of each round, and the processor seconds the server spent."""

    figures: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class Measuring:
    """Runs the rows against one server."""

    def __init__(self, server: Server, options: argparse.Namespace, table: dict[str, dict[str, Measured]]) -> None:
        self._server = server
        self._options = options
        self._table = table
        self._random = random.Random(2)

    def run(self, number: int) -> None:
        """Measure every row once, in folders of round *number*."""
        root = f"{self._server.root}round{number}/"
        with self._connected() as connection:
            self._expect(connection.ask("MKCOL", root)[0], 201)
        self._note("RSS before, MiB", rss_mib(self._server.pid()))
        with self._connected() as connection:
            self._large(connection, root)
        for connections in (1, 8):
            self._small(root, connections)
        with self._connected() as connection:
            self._listing(connection, root)
        self._tree(root)
        self._note("RSS after, MiB", rss_mib(self._server.pid()))

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        connection = self._server.connect()
        yield connection
        connection.close()

    def _large(self, connection: Connection, root: str) -> None:
        size = self._options.mib << 20
        path = f"{root}large.bin"
        with self._timed("large PUT, MiB/s", self._options.mib):
            self._expect(connection.ask("PUT", path, length=size)[0], 201, 204)
        with self._timed("large GET, MiB/s", self._options.mib):
            status, count = connection.ask("GET", path)
            self._expect(status, 200)
        if count != size:
            raise SystemExit(f"{self._server.name}: {count} bytes came back")
        for kib in (1024, 64):
            starts = [self._random.randrange(0, size - (kib << 10)) for _ in range(200)]
            with self._timed(f"{kib} KiB ranges/s", len(starts)):
                for start in starts:
                    self._expect(connection.ask("GET", path, f"Range: bytes={start}-{start + (kib << 10) - 1}")[0], 206)

    def _small(self, root: str, connections: int) -> None:
        folder = f"{root}small{connections}/"
        opened = [self._server.connect() for _ in range(connections)]
        self._expect(opened[0].ask("MKCOL", folder)[0], 201)
        bodies = [self._random.randbytes(self._random.randrange(*SMALL_BYTES)) for _ in range(SMALL_FILES)]
        label = f"{connections} connection{'s' if connections > 1 else ''}"

        def put(connection: Connection, index: int) -> None:
            self._expect(connection.ask("PUT", f"{folder}{index}.bin", body=bodies[index])[0], 201)

        def get(connection: Connection, index: int) -> None:
            status, count = connection.ask("GET", f"{folder}{index}.bin")
            if (status, count) != (200, len(bodies[index])):
                raise SystemExit(f"{self._server.name}: GET answered {status} with {count} bytes")

        for name, act in (("PUT", put), ("GET", get)):
            with self._timed(f"small {name}/s, {label}", SMALL_FILES):
                spread(opened, act)
        for connection in opened:
            connection.close()

    def _listing(self, connection: Connection, root: str) -> None:
        path = f"{root}small1/0.bin"
        with self._timed("PROPFIND of one/s", 1_000):
            for _ in range(1_000):
                self._expect(connection.ask("PROPFIND", path, "Depth: 0")[0], 207)

    def _tree(self, root: str) -> None:
        folder, count = f"{root}tree/", self._options.entries
        opened = [self._server.connect() for _ in range(8)]
        self._expect(opened[0].ask("MKCOL", folder)[0], 201)

        def put(one: Connection, index: int) -> None:
            self._expect(one.ask("PUT", f"{folder}{index}.txt", body=b"entry %d" % index)[0], 201)

        spread(opened, put, count)
        for one in opened:
            one.close()
        with self._connected() as connection:
            self._whole(connection, root, folder)

    def _whole(self, connection: Connection, root: str, folder: str) -> None:
        count = self._options.entries
        with self._timed(f"PROPFIND of {count:,}, s"):
            self._expect(connection.ask("PROPFIND", folder, "Depth: 1")[0], 207)
        moved = f"{root}moved/"
        target = f"Destination: http://127.0.0.1:{self._server.port}{moved}"
        with self._timed(f"move of {count:,}, s"):
            self._expect(connection.ask("MOVE", folder, target)[0], 201)
        with self._timed(f"delete of {count:,}, s"):
            self._expect(connection.ask("DELETE", moved, f"X-Expect-Changes: {count}")[0], 200, 204)

    def _expect(self, status: int, *wanted: int) -> None:
        if status not in wanted:
            raise SystemExit(f"{self._server.name}: {status} instead of {wanted}")

    @contextlib.contextmanager
    def _timed(self, row: str, count: float = 0) -> Iterator[None]:
        cpu, started = cpu_seconds(self._server.pid()), time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        measured = self._table.setdefault(row, {}).setdefault(self._server.name, Measured())
        measured.figures.append(count / seconds if count else seconds)
        measured.cpu.append(cpu_seconds(self._server.pid()) - cpu)

    def _note(self, row: str, figure: float) -> None:
        measured = self._table.setdefault(row, {}).setdefault(self._server.name, Measured())
        measured.figures.append(figure)


def spread(opened: list[Connection], act: Callable[[Connection, int], None], count: int = SMALL_FILES) -> None:
    """Have the connections do *count* acts between them, each in a thread of its own."""
    left = iter(range(count))
    lock = threading.Lock()
    failed: list[OSError | SystemExit] = []

    def work(connection: Connection) -> None:
        try:
            while True:
                with lock:
                    index = next(left, None)
                if index is None:
                    return
                act(connection, index)
        except (OSError, SystemExit) as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(connection,)) for connection in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process, MiB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(table: dict[str, dict[str, Measured]], names: list[str]) -> None:
    """Print the medians, the server's processor seconds in brackets, and our ratio to wsgidav."""
    print(f"| | {' | '.join(names)} | ours / wsgidav |")
    print("|---" * (len(names) + 2) + "|")
    for row, by_name in table.items():
        cells = []
        for name in names:
            measured = by_name.get(name)
            if measured is None:
                cells.append("")
                continue
            cell = f"{statistics.median(measured.figures):,.3g}"
            cells.append(f"{cell} ({statistics.median(measured.cpu):.2f})" if measured.cpu else cell)
        ours, peer = by_name.get("cloudconnect"), by_name.get("wsgidav")
        ratio = f"{statistics.median(ours.figures) / statistics.median(peer.figures):.2f}" if ours and peer else ""
        print(f"| {row} | {' | '.join(cells)} | {ratio} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--only", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    table: dict[str, dict[str, Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="webdav-", dir=options.place) as place:
        servers = [SERVERS[name](name, Path(place, name), options.peers) for name in options.only]
        for server in servers:
            server.start()
        try:
            for number in range(options.rounds):
                for server in servers:
                    Measuring(server, options, table).run(number)
                    print(f"round {number + 1}: {server.name}, load {os.getloadavg()[0]:.1f}", flush=True)
        finally:
            for server in servers:
                server.stop()
    report(table, options.only)


if __name__ == "__main__":
    main()
