"""The tools that the benchmark of the engine compares, each driven by its own commands and measured from outside."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from appliance import CLOUDCONNECT, Appliance

LIMIT_SECONDS = 900
PROGRAM = str(Path(__file__).with_name("backup.py"))
PASSWORD = "benchmark"


class Cost(NamedTuple):
    """What a step took: seconds on the clock, processor seconds, and the largest resident memory in MiB."""

    seconds: float
    cpu: float
    mib: float


def run(*command: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> Cost:
    """Run a command within bounded time and return what it and its children took; its failure ends the benchmark.

    GNU time starts it: memory that the parent of a process has counts as the child's own peak, and ours has more.
    """
    with tempfile.TemporaryDirectory() as place:
        figures, complaints = Path(place, "figures"), Path(place, "complaints")
        with complaints.open("wb") as log:
            process = subprocess.Popen(
                ["/usr/bin/time", "--quiet", "--format=%e %U %S %M", f"--output={figures}", *command],
                env=os.environ | (environment or {}), cwd=cwd, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            sys.exit(f"{' '.join(command)}: {process.returncode}\n{complaints.read_text()[-2000:]}")
        seconds, user, system, kilobytes = (float(figure) for figure in figures.read_text().split())
    return Cost(seconds, user + system, kilobytes / 1024)


class Tool:
    """A tool with a repository below *place* that backs up the directory *source*."""

    def __init__(self, place: Path, source: Path) -> None:
        self.place = place
        self.source = source
        self.repository = place / "repository"

    def prepare(self) -> None:
        """Make the repository, which is not measured."""
        self.repository.mkdir(parents=True)

    def backup(self) -> Cost:
        """Store what has changed."""
        raise NotImplementedError

    def restore(self, target: Path) -> Cost:
        """Bring the newest state back; it then lies below *target*."""
        raise NotImplementedError

    def close(self) -> None:
        """End what is running."""

    def size(self) -> int:
        """Return the bytes of the repository."""
        return sum(path.lstat().st_size for path in self.repository.rglob("*") if path.is_file())


class Engine(Tool):
    """CloudConnect's engine in a small program, without the daemon."""

    def prepare(self) -> None:
        """Make the store."""
        run(sys.executable, PROGRAM, "init", str(self.repository), "-")

    def backup(self) -> Cost:
        """Store what is new."""
        return run(sys.executable, PROGRAM, "backup", str(self.repository), str(self.source))

    def restore(self, target: Path) -> Cost:
        """Write every file."""
        return run(sys.executable, PROGRAM, "restore", str(self.repository), str(target))


class Daemon(Tool):
    """CloudConnect whole: the command line tool over the socket of a daemon, which counts too."""

    def prepare(self) -> None:
        """Start the daemon."""
        self.appliance = Appliance(self.repository / "home")
        self.appliance.start()

    def backup(self) -> Cost:
        """Put the directory."""
        return self._measured("put", str(self.source), "/")

    def restore(self, target: Path) -> Cost:
        """Get it."""
        return self._measured("get", f"/{self.source.name}", str(target))

    def close(self) -> None:
        """End the daemon."""
        self.appliance.stop()

    def _measured(self, *arguments: str) -> Cost:
        process = self.appliance.process
        if process is None:
            sys.exit("the daemon is not running")
        facts = Path(f"/proc/{process.pid}")
        (facts / "clear_refs").write_text("5")  # proc(5): resets the peak of the resident memory
        before = _processor_seconds(facts)
        tool = run(CLOUDCONNECT, *arguments, "--progress", "none", environment=self.appliance.environment)
        peak = next(line for line in (facts / "status").read_text().splitlines() if line.startswith("VmHWM"))
        return Cost(tool.seconds, tool.cpu + _processor_seconds(facts) - before, tool.mib + int(peak.split()[1]) / 1024)


class Restic(Tool):
    """Restic with its defaults: AES-CTR, Poly1305, zstd."""

    def prepare(self) -> None:
        """Make the repository."""
        self.environment = {
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_CACHE_DIR": str(self.place / "cache"),
        }
        run("restic", "init", environment=self.environment)

    def backup(self) -> Cost:
        """Back up."""
        return run("restic", "backup", "--quiet", ".", environment=self.environment, cwd=self.source)

    def restore(self, target: Path) -> Cost:
        """Restore the latest snapshot."""
        return run("restic", "restore", "latest", "--quiet", "--target", str(target), environment=self.environment)


class Borg(Tool):
    """Borg with a key in its repository, BLAKE2b and lz4."""

    compression = "lz4"

    def prepare(self) -> None:
        """Make the repository."""
        self.archives = 0
        self.environment = {
            "BORG_REPO": str(self.repository),
            "BORG_PASSPHRASE": PASSWORD,
            "BORG_BASE_DIR": str(self.place / "base"),
        }
        run("borg", "init", "--encryption=repokey-blake2", environment=self.environment)

    def backup(self) -> Cost:
        """Create an archive."""
        self.archives += 1
        archive = f"::{self.archives}"
        return run(
            "borg", "create", "--compression", self.compression, archive, ".",
            environment=self.environment, cwd=self.source,
        )  # fmt: skip

    def restore(self, target: Path) -> Cost:
        """Extract the last archive."""
        return run("borg", "extract", f"::{self.archives}", environment=self.environment, cwd=target)


class BorgZstd(Borg):
    """Borg with zstd at level 1, as ours."""

    compression = "zstd,1"


class Rclone(Tool):
    """Rclone's crypt over a local directory: encryption without deduplication, compression or fsync."""

    def prepare(self) -> None:
        """Note the remote."""
        super().prepare()
        obscured = subprocess.run(["rclone", "obscure", PASSWORD], capture_output=True, text=True, check=True).stdout
        self.environment = {
            "RCLONE_CONFIG": str(self.place / "rclone.conf"),
            "RCLONE_CONFIG_SAFE_TYPE": "crypt",
            "RCLONE_CONFIG_SAFE_REMOTE": str(self.repository),
            "RCLONE_CONFIG_SAFE_PASSWORD": obscured.strip(),
        }
        (self.place / "rclone.conf").touch()

    def backup(self) -> Cost:
        """Bring the remote in step."""
        return run("rclone", "sync", "--quiet", str(self.source), "safe:", environment=self.environment)

    def restore(self, target: Path) -> Cost:
        """Copy back."""
        return run("rclone", "copy", "--quiet", "safe:", str(target), environment=self.environment)


class Copy(Tool):
    """Plain copies, each file with an fsync: what the disk allows a tool that promises to keep what it took."""

    def backup(self) -> Cost:
        """Copy what is newer, then sync every file."""
        script = 'cp -ru --preserve=timestamps "$0/." "$1" && find "$1" -type f -print0 | xargs -0 sync'
        return run("sh", "-c", script, str(self.source), str(self.repository))

    def restore(self, target: Path) -> Cost:
        """Copy back."""
        return run("cp", "-r", f"{self.repository}/.", str(target))


TOOLS: dict[str, Callable[[Path, Path], Tool]] = {
    "engine": Engine,
    "restic": Restic,
    "borg zstd,1": BorgZstd,
    "borg lz4": Borg,
    "rclone crypt": Rclone,
    "cp + fsync": Copy,
}


def _processor_seconds(facts: Path) -> float:
    fields = (facts / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
