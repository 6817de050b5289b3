"""Send a daemon requests of WebDAV, tus and REST that are damaged at random, and look whether anything breaks.

    python -m tests.crash.mutated_requests [--requests 1000000] [--clients 4] [--seed 1] [--place DIR]

Each client is a process that sends several requests at a time over one connection, and begins another one when the
daemon ends it. No answer may be a 5xx, the daemon's log must hold no traceback, its memory must stay flat, and
afterwards it must still answer, and a scrub find nothing. The same seed and clients send the same again.
"""

import argparse
import contextlib
import http.client
import multiprocessing
import random
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.kill_loop import cloudconnect
from tests.crash.request_shapes import NAMES, damage, shapes, to_wire
from tests.crash.tree_faces import serving

AT_ONCE = 16
KNOWN_MOST = 50
GROWTH_MOST_MIB = 64
PATIENCE_SECONDS = 60
_LOCATION = re.compile(rb"\r\nLocation: (/api/v1/tus/[^\r]+)")
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\nTransfer-Encoding: *chunked", re.IGNORECASE)


@dataclass
class Tally:
    """What came back: how many answers of each status, and the requests that broke something."""

    statuses: Counter[int] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())

    def add(self, other: "Tally") -> None:
        self.statuses += other.statuses
        self.violations += other.violations


class Connection:
    """One connection to a daemon, and what of its answers has come and is not read yet."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._pending = b""

    def send(self, data: bytes, *, is_last: bool) -> None:
        self._socket.sendall(data)
        if is_last:
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self, method: str) -> tuple[int, bytes]:
        """Return the status and the header of the next answer; EOFError where there is none."""
        head = self._until(b"\r\n\r\n")
        status = int(head[9:12])
        if status < 200:
            return self.receive(method)
        if method == "HEAD" or status in {204, 304}:
            return status, head
        if _CHUNKED.search(head):
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                self._take(size + 2)
            self._until(b"\r\n")
        elif found := _LENGTH.search(head):
            self._take(int(found[1]))
        return status, head

    def close(self) -> None:
        self._socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._pending:
            self._more()
        found, _, self._pending = self._pending.partition(end)
        return found + end[:2]

    def _take(self, count: int) -> None:
        while len(self._pending) < count:
            self._more()
        self._pending = self._pending[count:]

    def _more(self) -> None:
        got = self._socket.recv(1 << 16)
        if not got:
            raise EOFError
        self._pending += got


class Client:
    """Sends damaged requests to one daemon, *AT_ONCE* at a time."""

    def __init__(self, port: int, token: str, seed: int) -> None:
        self._port, self._token = port, token
        self._chance = random.Random(seed)
        self._known: list[str] = []
        self._connection: Connection | None = None
        self.tally = Tally()

    def run(self, count: int) -> Tally:
        """Send until *count* requests were answered."""
        while self.tally.answers < count:
            self._exchange()
        if self._connection is not None:
            self._connection.close()
        return self.tally

    def _exchange(self) -> None:
        sent: list[tuple[str, bytes]] = []
        is_whole = True
        while is_whole and len(sent) < AT_ONCE:
            shape = shapes(self._chance, self._known)
            if self._chance.random() < 0.9:
                damage(self._chance, shape)
            data, is_whole = to_wire(self._chance, shape, self._token)
            sent.append((shape.method, data))
        if self._connection is None:
            self._connection = Connection(self._port)
        # The daemon may close it amid what is sent; the answers so far are there.
        with contextlib.suppress(OSError):
            self._connection.send(b"".join(data for _, data in sent), is_last=not is_whole)
        try:
            for method, data in sent:
                self._note(*self._connection.receive(method), data)
        except (EOFError, ConnectionError):
            is_whole = False
        except TimeoutError:
            self.tally.violations.append(f"no answer to one of {[data[:300] for _, data in sent]}")
            is_whole = False
        if not is_whole:
            self._connection.close()
            self._connection = None

    def _note(self, status: int, head: bytes, data: bytes) -> None:
        self.tally.statuses[status] += 1
        if status >= 500:
            self.tally.violations.append(f"{status} for {data[:2_000]!r}")
        if found := _LOCATION.search(head):
            self._known = [*self._known[-KNOWN_MOST:], found[1].decode()]


def _send(work: tuple[int, str, int, int]) -> Tally:
    port, token, seed, count = work
    return Client(port, token, seed).run(count)


def resident_mib(process: int) -> float:
    """Return how much memory a process holds [MiB]."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4 / 1024


def cached_mib(place: Path) -> float:
    """Return how much of a daemon's memory SQLite holds [MiB]; its caches fill as the database grows, to a limit."""
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE_SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX)
    with contextlib.closing(connection):
        connection.sock.connect(str(place / "home" / "run" / "cloudconnect.sock"))
        connection.request("GET", "/metrics")
        told = connection.getresponse().read().decode()
    found = re.search(r"^cloudconnect_database_memory_bytes (\S+)$", told, re.MULTILINE)
    assert found is not None, told
    return float(found[1]) / (1 << 20)


def run(requests: int, clients: int, seed: int, place: Path | None = None, *, is_forked: bool = False) -> Tally:
    """Send *requests* to a new daemon, print what came of them, and return it."""
    started, total, batch = time.monotonic(), Tally(), max(requests // 50, clients)
    with serving(place, is_forked=is_forked) as faces, multiprocessing.get_context("fork").Pool(clients) as pool:
        bench = faces.bench
        for name in NAMES:
            faces.api("POST", f"/folders/{name.rpartition('/')[0]}?parents=true")
        before = 0.0
        for number in range(-(-requests // batch)):
            work = [
                (bench.port, bench.token, seed + number * clients + each, batch // clients) for each in range(clients)
            ]
            for tally in pool.imap_unordered(_send, work):
                total.add(tally)
            # What the daemon loads and keeps for its first requests is no growth.
            before = resident_mib(bench.process) if number == 4 else before
            told = f"{total.answers} answers, {len(total.violations)} violations"
            rate = total.answers / (time.monotonic() - started)
            memory = f"{resident_mib(bench.process):.0f} MiB, {cached_mib(bench.place):.0f} of them SQLite's"
            print(f"seed {seed}: {told}, {rate:.0f}/s, {memory}", flush=True)
        if resident_mib(bench.process) - before > GROWTH_MOST_MIB:
            total.violations.append(f"memory grew from {before:.0f} to {resident_mib(bench.process):.0f} MiB")
        log = (bench.place / "log").read_text(errors="replace")
        if "Traceback" in log:
            total.violations.append(log[log.index("Traceback") - 500 :][:5_000])
        faces.close()  # it was quiet for longer than the daemon keeps it
        assert faces.ask("GET", "/readyz").status == 200
        scrubbed = subprocess.run(
            [*cloudconnect(), "scrub"], env=bench.environment, capture_output=True, check=False, text=True
        )
        if scrubbed.returncode:
            total.violations.append(scrubbed.stdout + scrubbed.stderr)
    print(dict(sorted(total.statuses.items())))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--place", type=Path)
    options = parser.parse_args()
    tally = run(options.requests, options.clients, options.seed, options.place, is_forked=True)
    for violation in tally.violations[:20]:
        print(violation)
    sys.exit(bool(tally.violations))


if __name__ == "__main__":
    main()
