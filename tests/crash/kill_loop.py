"""Kill the daemon again and again while several clients upload, and look whether it kept what it acknowledged.

    python tests/crash/kill_loop.py [--cycles 200] [--clients 4] [--place DIR] [--forked]

In each cycle clients write new files and new versions of old ones over REST until the daemon is killed with SIGKILL at
a random moment. After the restart every file that is listed must be readable in full and be one of the contents that
were sent for it, at least the last one that was acknowledged; nothing may be left of what was being written. Every five
hundred cycles begin in an empty directory.

With ``--forked`` each daemon is a fork of this process, which has imported everything already: a start takes a fifth
of the time, and thousands of kills fit into an hour.
"""

import argparse
import asyncio
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

SIZES = (0, 100, 4_096, 70_000, 900_000, 6_000_000)
WEIGHTS = (2, 6, 8, 6, 3, 1)
CYCLES_IN_A_PLACE = 500
LONGEST_START_SECONDS = 5.0
PASSWORD = "purple tram rides north"


@dataclass
class Sent:
    """What was sent for one path: the hash of each content in order, and how many of them are acknowledged."""

    hashes: list[str] = field(default_factory=list)
    acknowledged: int = 0


@dataclass
class Bench:
    """A daemon that is killed and started again, and what the clients remember."""

    place: Path
    random: random.Random
    is_forked: bool = False
    port: int = 0
    process: int = 0
    token: str = ""
    sent: dict[str, Sent] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    acknowledged: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/spaces/personal"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "CLOUDCONNECT_HOME": str(self.place / "home"),
            "CLOUDCONNECT_LISTEN": f"127.0.0.1:{self.port}",
            "CLOUDCONNECT_LOGGING_LEVEL": "warning",
            "CLOUDCONNECT_ADMIN_PASSWORD_FILE": str(self.place / "password"),
        }

    def start(self) -> None:
        """Start the daemon and wait until it is ready."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        started = time.monotonic()
        self.process = self._fork() if self.is_forked else self._spawn()
        while True:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5),
            ):
                break
            if os.waitpid(self.process, os.WNOHANG)[0] or time.monotonic() - started > 60:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    self.kill()
                raise SystemExit((self.place / "log").read_text()[-4_000:])
            time.sleep(0.01)
        self.starts.append(time.monotonic() - started)
        if not self.token:
            command = [*cloudconnect(), "token", "create", "kill-loop", "--json"]
            done = subprocess.run(command, env=self.environment, check=True, capture_output=True)
            self.token = json.loads(done.stdout)["token"]
            self._set_brake_off()

    def _set_brake_off(self) -> None:
        """Let one session overwrite as much as it likes."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/brake", b'{"changes": 0}', headers, method="PUT")
        with urllib.request.urlopen(asked, timeout=30):
            pass

    def kill(self) -> None:
        """End the daemon without a warning."""
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)

    def stop(self) -> None:
        """End the daemon in order."""
        os.kill(self.process, signal.SIGTERM)
        os.waitpid(self.process, 0)

    def _spawn(self) -> int:
        with (self.place / "log").open("ab") as log:
            daemon = subprocess.Popen([*cloudconnect(), "up"], env=self.environment, stdout=log, stderr=log)
        daemon.returncode = 0  # whoever waits is this class, not the object
        return daemon.pid

    def _fork(self) -> int:
        from cloudconnect import assembly, daemon  # noqa: F401 - so that each fork has them
        from cloudconnect_cli.commands import serve  # noqa: F401 - as above
        from cloudconnect_cli.main import main
        from cloudconnect_web import server  # noqa: F401 - as above

        if child := os.fork():
            return child
        with (self.place / "log").open("ab") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.environ |= self.environment
        sys.argv = ["cloudconnect", "up"]
        try:
            main()
        finally:
            os._exit(1)


def cloudconnect() -> list[str]:
    return [str(Path(sys.executable).with_name("cloudconnect"))]


async def client(bench: Bench, http: aiohttp.ClientSession, number: int) -> None:
    """Write until the daemon is gone."""
    while True:
        path = f"client-{number}/{bench.random.randrange(40)}.bin"
        content = bench.random.randbytes(*bench.random.choices(SIZES, WEIGHTS))
        sent = bench.sent.setdefault(path, Sent())
        sent.hashes.append(hashlib.sha256(content).hexdigest())
        headers = {"If-Match": "*"} if sent.acknowledged else {}
        try:
            async with http.put(
                f"{bench.url}/content/{path}?parents=true", data=io.BytesIO(content), headers=headers
            ) as answer:
                await answer.read()
                if answer.status == 428:  # the answer to the first upload was lost, its effect was not
                    sent.acknowledged = max(sent.acknowledged, 1)
                elif answer.status in {200, 201}:
                    sent.acknowledged = len(sent.hashes)
                    bench.acknowledged += 1
                else:
                    bench.violations.append(f"{path}: status {answer.status}")
        except (aiohttp.ClientError, ConnectionError):
            return


async def write_until_killed(bench: Bench, clients: int) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {bench.token}"}) as http:
        writing = [asyncio.create_task(client(bench, http, number)) for number in range(clients)]
        await asyncio.sleep(bench.random.uniform(0.01, 0.4))
        await asyncio.to_thread(bench.kill)
        await asyncio.gather(*writing)


async def check(bench: Bench) -> None:
    """Compare what the daemon has with what was sent to it."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {bench.token}"}) as http:
        seen, cursor = {}, ""
        while True:
            async with http.get(f"{bench.url}/tree/?limit=1000{cursor}") as answer:
                page = await answer.json()
            seen |= {entry["path"].lstrip("/"): entry for entry in page["data"] if entry["kind"] == "file"}
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        for path, sent in bench.sent.items():
            if sent.acknowledged and path not in seen:
                bench.violations.append(f"{path}: acknowledged and gone")
        for path, entry in seen.items():
            sent = bench.sent[path]
            async with http.get(f"{bench.url}/content/{path}") as answer:
                digest = hashlib.sha256(await answer.read()).hexdigest()
            if digest != entry["sha256"]:
                bench.violations.append(f"{path}: content is not what the tree says")
            if digest not in sent.hashes[max(sent.acknowledged - 1, 0) :]:
                bench.violations.append(f"{path}: not the acknowledged content nor a later one")
            # What was sent and not acknowledged may have been taken; from here on it counts as there.
            bench.sent[path] = Sent([digest], 1)
    left = list((bench.place / "home" / "tmp").iterdir())
    if left:
        bench.violations.append(f"left behind: {left}")


def run(cycles: int, clients: int, place: Path, seed: int = 1, *, is_forked: bool = False) -> list[Bench]:
    """Run the loop in the empty directory *place*; the benches it returns hold what went wrong."""
    benches: list[Bench] = []
    for cycle in range(cycles):
        if cycle % CYCLES_IN_A_PLACE == 0:
            if benches:
                benches[-1].stop()
                shutil.rmtree(benches[-1].place)
            benches.append(Bench(place / str(cycle), random.Random(seed + cycle), is_forked))
            benches[-1].place.mkdir()
            (benches[-1].place / "password").write_text(PASSWORD)
            benches[-1].start()
        bench = benches[-1]
        asyncio.run(write_until_killed(bench, clients))
        bench.start()
        if cycle % 5 == 4 or cycle == cycles - 1:
            asyncio.run(check(bench))
            told = f"{sum(each.acknowledged for each in benches)} acknowledged, "
            told += f"{sum(len(each.violations) for each in benches)} violations"
            slowest = max(max(each.starts) for each in benches)
            print(f"{cycle + 1} kills, {told}, slowest start {slowest:.2f} s", flush=True)
    benches[-1].stop()
    return benches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--place", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forked", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudconnect-kill-", dir=options.place) as place:
        benches = run(options.cycles, options.clients, Path(place), options.seed, is_forked=options.forked)
    violations = [violation for bench in benches for violation in bench.violations]
    for violation in violations:
        print(violation)
    slowest = max(max(bench.starts) for bench in benches)
    sys.exit(bool(violations) or slowest > LONGEST_START_SECONDS)


if __name__ == "__main__":
    main()
