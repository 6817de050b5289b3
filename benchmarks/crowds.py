"""Many files and large ones: what they take to come in, to be looked at, to be moved, and to be changed a little.

    python benchmarks/crowds.py [--place DIR] [--bulk 100000] [--folder 100000] [--tree 1000000] [--gib 16]

Each row has the aim beside it. ``sent`` is every byte that the client wrote to its connections, heads and lists of
chunks included. A number of 0 leaves a row out. There is no peer in this table: none of those beside which the other
benchmarks run keeps a past of what it moves, takes files in bulk, or asks for chunks.
"""

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from appliance import CLOUDCONNECT, Appliance
from proxied import Relay

MIB = 1 << 20
CHANGED_BYTES = 256 << 10
BATCH = 4_000
LOOKS = 30


class Crowds:
    """The rows, on one daemon."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.appliance = Appliance(place / "home")
        self.appliance.start()
        self.token = self.appliance.token()
        self.http = http.client.HTTPConnection("127.0.0.1", self.appliance.port, timeout=600)

    def ask(self, method: str, path: str, body: bytes | None = None, **fields: str) -> bytes:
        """Send a request and return the answer's body."""
        headers = {"Authorization": f"Bearer {self.token}"} | fields
        self.http.request(method, path, body, headers)
        answer = self.http.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content

    def timed(self, act: Callable[[], object], times: int = 1) -> float:
        """Return the median seconds that *act* takes."""
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            act()
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    def fill(self, folder: str, count: int, width: int) -> None:
        """Put *count* tiny files below *folder*, in folders of *width*."""
        for start in range(0, count, BATCH):
            names = (
                f"/{folder}/{n // width:05}/{n:07}" if width < count else f"/{folder}/{n:07}"
                for n in range(start, min(start + BATCH, count))
            )
            items = [(name, name.encode(), None, None) for name in names]
            self.ask("POST", "/api/v1/spaces/personal/bulk", msgspec.msgpack.encode(items))

    def bulk(self, count: int) -> None:
        """Put *count* files of 4 KiB by the command line tool, which sends them in bulk."""
        source = self.place / "many"
        for number in range(count):
            path = source / f"{number // 500:04}" / f"{number:06}"
            if number % 500 == 0:
                path.parent.mkdir(parents=True)
            path.write_bytes(os.urandom(4_096))
        seconds = self.timed(lambda: self.appliance.run("put", str(source), "/"))
        print(f"| {count:,} × 4 KiB by bulk | {seconds:.1f} s | 60 s |", flush=True)

    def folder(self, count: int) -> None:
        """Look at the first page of a folder of *count* files in every face."""
        self.fill("folder", count, count)
        page = "/api/v1/spaces/personal/children/folder?limit=100"
        seconds = self.timed(lambda: self.ask("GET", page), LOOKS)
        print(f"| first page of {count:,}: REST | {seconds * 1000:.0f} ms | 100 ms |", flush=True)
        cookie = self._sign_in()
        seconds = self.timed(lambda: self.ask("GET", "/files/folder", Cookie=cookie, Accept="text/html"), LOOKS)
        print(f"| first page of {count:,}: web, 500 rows | {seconds * 1000:.0f} ms | 100 ms |", flush=True)
        listed = self.timed(lambda: self._first_line("ls", "/folder"), 5)
        nothing = self.timed(lambda: self._first_line("ls", "/"), 5)
        print(f"| first line of {count:,}: CLI | {listed * 1000:.0f} ms, {nothing * 1000:.0f} ms for 1 | 100 ms more |")

    def tree(self, count: int) -> None:
        """Move a folder with *count* descendants."""
        self.fill("tree", count, 1_000)
        document = json.dumps({"source": "/tree", "target": "/moved"}).encode()
        fields = {"Content-Type": "application/json"}
        seconds = self.timed(lambda: self.ask("POST", "/api/v1/spaces/personal/moves", document, **fields))
        print(f"| move of a tree of {count:,} | {seconds * 1000:.1f} ms | 50 ms |", flush=True)

    async def large(self, gib: int) -> None:
        """Change 256 KiB in the middle of a file of *gib* GiB, and count what is sent."""
        path = self.place / "large"
        with path.open("wb") as file:
            for _ in range(gib << 4):
                file.write(os.urandom(64 * MIB))
        relay = Relay(self.appliance.port, float("inf"))
        url = f"http://127.0.0.1:{await relay.listen()}"
        for row in ("first", "changed"):
            before, started = relay.passed_bytes, time.perf_counter()
            await self._put(path, url)
            sent, seconds = relay.passed_bytes - before, time.perf_counter() - started
            print(f"| {gib} GiB, {row}: sent | {sent / MIB:,.2f} MiB in {seconds:.0f} s | 6 MiB |", flush=True)
            with path.open("r+b") as file:
                file.seek(gib << 29)
                file.write(os.urandom(CHANGED_BYTES))

    async def _put(self, path: Path, url: str) -> None:
        token = self.place / "token"
        token.write_text(self.token)
        environment = os.environ | {
            "HOME": str(self.place),
            "CLOUDCONNECT_URL": url,
            "CLOUDCONNECT_TOKEN_FILE": str(token),
        }
        put = await asyncio.create_subprocess_exec(CLOUDCONNECT, "put", str(path), "/", env=environment)
        if await put.wait():
            raise SystemExit("put failed")

    def _sign_in(self) -> str:
        password = (self.place / "admin-password").read_text().strip()
        fields = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.appliance.url}
        self.http.request("POST", "/sign-in", f"name=admin&password={password.replace(' ', '+')}", fields)
        answer = self.http.getresponse()
        answer.read()
        return answer.headers["Set-Cookie"].partition(";")[0]

    def _first_line(self, *arguments: str) -> None:
        command = [CLOUDCONNECT, *arguments]
        with subprocess.Popen(command, env=self.appliance.environment, stdout=subprocess.PIPE) as process:
            if process.stdout is not None:
                process.stdout.readline()
            process.kill()


def main() -> None:
    """Run the rows and print them as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--place", type=Path, default=Path("/var/tmp"))
    parser.add_argument("--bulk", type=int, default=100_000)
    parser.add_argument("--folder", type=int, default=100_000)
    parser.add_argument("--tree", type=int, default=1_000_000)
    parser.add_argument("--gib", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        crowds = Crowds(Path(place))
        try:
            print("| | measured | aim |\n|---|---|---|", flush=True)
            if options.bulk:
                crowds.bulk(options.bulk)
            if options.folder:
                crowds.folder(options.folder)
            if options.tree:
                crowds.tree(options.tree)
            if options.gib:
                asyncio.run(crowds.large(options.gib))
        finally:
            crowds.appliance.stop()


if __name__ == "__main__":
    main()
