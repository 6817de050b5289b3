"""A real tree in and out: CloudConnect's command line tool over a running daemon, beside restic and borg.

    python benchmarks/tree.py TREE [TREE …] [--place DIR] [--rounds 1]

All three encrypt, deduplicate and compress; restic and borg write a local repository directly, CloudConnect goes
through HTTP and a daemon that also keeps versions and a log. The order of the tools changes with every round; medians
and ratios are printed. A second run puts the same tree again.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from appliance import Appliance


@dataclass
class Figures:
    """Seconds by step over all rounds, and the size of the repository, MiB."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    mib: float = 0.0

    def time(self, step: str, act: Callable[[], None]) -> None:
        """Run *act* and note how long it took, on the clock and in processor time of it and its children."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        act()
        self.seconds[step].append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu[step].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def run(*command: str, environment: dict[str, str], cwd: Path | None = None) -> None:
    """Run a command and stop at its first failure; 3 says that special files were left out."""
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 3}:
        sys.exit(f"{' '.join(command)}: {done.returncode}\n{done.stderr[-2000:]}")


def measure_restic(trees: list[Path], place: Path, figures: Figures) -> None:
    """Back up twice and restore with restic."""
    environment = os.environ | {
        "RESTIC_REPOSITORY": str(place / "restic"),
        "RESTIC_PASSWORD": "benchmark",
        "RESTIC_CACHE_DIR": str(place / "cache"),
    }
    run("restic", "init", environment=environment)
    names = [str(tree) for tree in trees]
    figures.time("first", lambda: run("restic", "backup", "--quiet", *names, environment=environment))
    figures.time("again", lambda: run("restic", "backup", "--quiet", *names, environment=environment))
    figures.mib = size_mib(place / "restic")
    target = str(place / "out-restic")
    figures.time(
        "restore", lambda: run("restic", "restore", "latest", "--quiet", "--target", target, environment=environment)
    )


def measure_borg(trees: list[Path], place: Path, figures: Figures) -> None:
    """Back up twice and extract with borg."""
    environment = os.environ | {
        "BORG_REPO": str(place / "borg"),
        "BORG_PASSPHRASE": "benchmark",
        "BORG_BASE_DIR": str(place / "borg-base"),
    }
    run("borg", "init", "--encryption=repokey", environment=environment)
    names = [str(tree) for tree in trees]
    figures.time(
        "first", lambda: run("borg", "create", "--compression", "zstd,1", "::one", *names, environment=environment)
    )
    figures.time(
        "again", lambda: run("borg", "create", "--compression", "zstd,1", "::two", *names, environment=environment)
    )
    figures.mib = size_mib(place / "borg")
    target = place / "out-borg"
    target.mkdir()
    figures.time("restore", lambda: run("borg", "extract", "::one", environment=environment, cwd=target))


def measure_cloudconnect(trees: list[Path], place: Path, figures: Figures) -> None:
    """Put twice and get with the command line tool; the daemon's processor time counts too."""
    appliance = Appliance(place / "cloudconnect" / "home")
    appliance.start()
    names = [str(tree) for tree in trees]
    for step in ("first", "again"):
        before = daemon_cpu(appliance)
        figures.time(step, lambda: run(*tool("put", *names, "/"), environment=appliance.environment))
        figures.cpu[step][-1] += daemon_cpu(appliance) - before
    figures.mib = size_mib(appliance.home)
    target = place / "out-cloudconnect"
    target.mkdir()
    before = daemon_cpu(appliance)
    figures.time("restore", lambda: run(*tool("get", "/", str(target)), environment=appliance.environment))
    figures.cpu["restore"][-1] += daemon_cpu(appliance) - before
    appliance.stop()


def tool(*arguments: str) -> tuple[str, ...]:
    """Return a command of ours without a progress bar."""
    return (str(Path(sys.executable).with_name("cloudconnect")), *arguments, "--progress", "none")


def daemon_cpu(appliance: Appliance) -> float:
    """Return the processor seconds that the daemon has taken so far."""
    if appliance.process is None:
        sys.exit("the daemon is not running")
    fields = Path(f"/proc/{appliance.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def size_mib(place: Path) -> float:
    """Return what the files below *place* hold, MiB."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / (1 << 20)


TOOLS = {"CloudConnect": measure_cloudconnect, "restic": measure_restic, "borg": measure_borg}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    trees = [tree.absolute() for tree in options.trees]
    files = [
        path
        for tree in trees
        for path in ([tree] if tree.is_file() else tree.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / (1 << 20):.0f} MiB\n")
    figures = {name: Figures() for name in TOOLS}
    for number in range(options.rounds):
        order = list(TOOLS)[number % len(TOOLS) :] + list(TOOLS)[: number % len(TOOLS)]
        for name in order:
            place = Path(tempfile.mkdtemp(prefix="benchmark-", dir=options.place))
            TOOLS[name](trees, place, figures[name])
            shutil.rmtree(place)
    print(f"{'':14}{'first s':>10}{'cpu s':>8}{'again s':>10}{'cpu s':>8}{'restore s':>11}{'cpu s':>8}{'MiB':>9}")
    for name, each in figures.items():
        row = "".join(
            f"{statistics.median(each.seconds[step]):{width}.1f}{statistics.median(each.cpu[step]):8.1f}"
            for step, width in (("first", 10), ("again", 10), ("restore", 11))
        )
        print(f"{name:14}{row}{each.mib:9.0f}")
    ours = figures["CloudConnect"]
    for name in ("restic", "borg"):
        peer = figures[name]
        ratios = ", ".join(
            f"{step} {statistics.median(ours.seconds[step]) / statistics.median(peer.seconds[step]):.2f}"
            for step in ("first", "again", "restore")
        )
        print(f"wall time, CloudConnect / {name}: {ratios}; size {ours.mib / peer.mib:.2f}")


if __name__ == "__main__":
    main()
