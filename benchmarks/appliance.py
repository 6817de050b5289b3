"""A daemon of a benchmark's own: started on a free port with a fresh data directory, measured and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

CLOUDCONNECT = str(Path(sys.executable).with_name("cloudconnect"))
START_SECONDS = 30


class Appliance:
    """One running daemon over the data directory *home*."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.environment = os.environ | {
            "CLOUDCONNECT_HOME": str(home),
            "CLOUDCONNECT_LISTEN": f"127.0.0.1:{self.port}",
            "CLOUDCONNECT_LOGGING_LEVEL": "warning",
            "CLOUDCONNECT_ADMIN_PASSWORD_FILE": str(self._password_file()),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the daemon."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start the daemon; return the seconds until it was ready."""
        started = time.perf_counter()
        with (self.home.parent / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen([CLOUDCONNECT, "up"], env=self.environment, stdout=log, stderr=log)
        while time.perf_counter() - started < START_SECONDS:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - started
            except OSError:
                time.sleep(0.01)
            if self.process.poll() is not None:
                raise SystemExit((self.home.parent / "daemon.log").read_text())
        raise SystemExit("the daemon did not become ready")

    def stop(self) -> None:
        """End the daemon in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the daemon as a power cut to the process would."""
        self._end(signal.SIGKILL)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line tool against this daemon."""
        return subprocess.run(
            [CLOUDCONNECT, *arguments], env=self.environment, check=check, capture_output=True, text=True
        )

    def token(self) -> str:
        """Return a fresh token of the administrator."""
        return str(json.loads(self.run("token", "create", "benchmark", "--json").stdout)["token"])

    def rss_mib(self) -> float:
        """Return the resident memory of the daemon, MiB."""
        if self.process is None:
            raise SystemExit("the daemon is not running")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def _password_file(self) -> Path:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        path = self.home.parent / "admin-password"
        path.touch(mode=0o600)
        path.write_text("purple tram rides north\n")
        return path


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
