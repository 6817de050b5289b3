"""A real daemon, and the command line as people run it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("cloudconnect"))
PASSWORD = "purple tram rides north"


@dataclass
class Machine:
    """A daemon of a test's own on a machine of its own, as far as files and environment go."""

    place: Path
    port: int
    process: subprocess.Popen | None = None
    environment: dict = field(default_factory=dict)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments, **options):
        environment = self.environment | options.pop("environment", {})
        return subprocess.run(
            [PROGRAM, *map(str, arguments)], env=environment, capture_output=True, check=False, timeout=120, **options
        )

    def json(self, *arguments):
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def launch(self):
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "up"], env=self.environment, stdout=log, stderr=log)

    def start(self):
        self.launch()
        for _ in range(400):
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=2).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        pytest.fail((self.place / "log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def new_machine(tmp_path, new_port):
    """Return a machine whose daemon has not been started yet."""
    (tmp_path / "password").write_text(PASSWORD)
    port = new_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "CLOUDCONNECT_HOME": str(tmp_path / "home"),
        "CLOUDCONNECT_LISTEN": f"127.0.0.1:{port}",
        "CLOUDCONNECT_ADMIN_PASSWORD_FILE": str(tmp_path / "password"),
    }
    machine = Machine(tmp_path, port, environment=environment)
    yield machine
    if machine.process is not None and machine.process.poll() is None:
        machine.stop()


@pytest.fixture
def machine(new_machine):
    """Return a machine with a running daemon."""
    new_machine.start()
    return new_machine
