"""A daemon over a data directory that something happens to."""

import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("cloudconnect"))


@dataclass
class Appliance:
    """The data directory *home*, and the daemon that serves it while it runs."""

    place: Path
    home: Path
    port: int
    process: subprocess.Popen | None = None

    @property
    def environment(self):
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self.place),
            "LC_ALL": "C.UTF-8",
            "CLOUDCONNECT_HOME": str(self.home),
            "CLOUDCONNECT_KEYS_FILE": str(self.place / "key"),
            "CLOUDCONNECT_LISTEN": f"127.0.0.1:{self.port}",
            "CLOUDCONNECT_STORAGE_LEAST_FREE_BYTES": str(4 << 20),
            "CLOUDCONNECT_ADMIN_PASSWORD_FILE": str(self.place / "password"),
        }

    def run(self, *arguments, environment=None):
        return subprocess.run(
            [PROGRAM, *map(str, arguments)],
            env=self.environment | (environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    def start(self):
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "up"], env=self.environment, stdout=log, stderr=log)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5).close()
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        pytest.fail((self.place / "log").read_text())

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


@pytest.fixture(scope="session")
def new_appliance(new_port):
    """Return the function that makes an appliance in a place; its daemon ends with the test run at the latest."""
    made = []

    def make(place):
        (place / "password").write_text("purple tram rides north\n")
        made.append(Appliance(place, place / "home", new_port()))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def appliance(new_appliance, tmp_path):
    """Return an appliance whose store is not made yet."""
    made = new_appliance(tmp_path)
    yield made
    made.stop()
