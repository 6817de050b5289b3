"""The engine beside restic, borg, rclone and plain copies, on the same input, in turns.

    python benchmarks/engine.py [--size 2GiB] [--files 20000] [--rounds 5] [--daemon] [--corpora DIR] [--place DIR]

For each corpus: a first backup, one of nothing new, one with 10 % changed, a restore of that, and the size of the
repository. The order of the tools changes with every round; medians are printed, and how ours compare with the better
of restic and borg. Sources lie in the page cache, repositories do not when they are restored, and what a step left
dirty is written before the next begins. What the first round restores is compared with what was stored. The limits
printed beside are what the parts take on the same bytes with one core, and what the disk takes.
"""

import argparse
import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from corpora import NAMES, Corpus, make, size_of
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tools import TOOLS, Cost, Daemon, Tool

from cloudconnect.storage.chunker import Chunker
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.seal import Key

Result = TypeVar("Result")

STEPS = ("first", "unchanged", "edited", "restore")
OURS = ("engine", "daemon")
RIVALS = ("restic", "borg zstd,1", "borg lz4")
MIB = 1 << 20


@dataclass
class Figures:
    """What one tool took for one corpus, over all rounds."""

    costs: dict[str, list[Cost]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, int] = field(default_factory=dict)

    def median(self, step: str, what: str) -> float:
        """Return the median of ``seconds``, ``cpu`` or ``mib`` of a step."""
        return float(statistics.median(getattr(cost, what) for cost in self.costs[step]))


def measure(tool: Tool, corpus: Corpus, source: Path, figures: Figures, *, compares: bool) -> None:
    """Take one tool through all steps."""
    target = tool.place / "restored"
    target.mkdir()
    corpus.before.rename(source)
    try:
        tool.prepare()
        for step in ("first", "unchanged"):
            note(figures, step, tool.backup)
        figures.sizes["first"] = tool.size()
        source.rename(corpus.before)
        corpus.after.rename(source)
        note(figures, "edited", tool.backup)
        figures.sizes["edited"] = tool.size()
        evict(tool.repository)
        note(figures, "restore", lambda: tool.restore(target))
        if compares:
            compare(tool, source, target)
    finally:
        with suppress(FileNotFoundError):
            source.rename(corpus.after if corpus.before.exists() else corpus.before)
        tool.close()


def note(figures: Figures, step: str, act: Callable[[], Cost]) -> None:
    """Run a step on a disk that has nothing else to write."""
    os.sync()
    figures.costs[step].append(act())


def evict(place: Path) -> None:
    """Take what lies below *place* out of the page cache: who restores has seldom just made the backup."""
    os.sync()
    for path in place.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def compare(tool: Tool, source: Path, target: Path) -> None:
    """See that what came back is what went in."""
    found = target / source.name if (target / source.name).exists() else target
    if subprocess.run(["diff", "-rq", str(source), str(found)], check=False).returncode:
        sys.exit(f"{type(tool).__name__} did not bring back what it was given")


def limits(corpus: Corpus, size: int) -> dict[str, float]:
    """Return MB/s of each step of our way in over bytes of the corpus, on one core, and of all of them together."""
    chunker, codec, key = Chunker(Key(bytes(32))), ZstdCodec(), AESGCM(bytes(32))
    seconds: dict[str, float] = defaultdict(float)
    total = 0
    sealed = bytearray(8 * MIB)
    for path in sorted(path for path in corpus.before.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            while total < size and (piece := memoryview(file.read(4 * MIB))):
                total += len(piece)
                ends = timed(seconds, "cut", lambda: chunker.cut(piece, is_last=True))
                timed(seconds, "file sha256", lambda: hashlib.sha256(piece))
                for start, end in pairwise([0, *ends]):
                    chunk = piece[start:end]
                    timed(seconds, "chunk hmac", lambda: hmac.digest(bytes(32), chunk, "sha256"))  # noqa: B023 - as above
                    body = timed(seconds, "zstd", lambda: codec.compress(chunk)) or chunk  # noqa: B023 - as above
                    record = memoryview(sealed)[: len(body) + 16]
                    timed(seconds, "aes-gcm", lambda: key.encrypt_into(bytes(12), body, None, record))  # noqa: B023 - as above
                    timed(seconds, "pack sha256", lambda: hashlib.sha256(record))  # noqa: B023 - as above
    rates = {name: total / taken / 1e6 for name, taken in seconds.items()}
    return rates | {"together": total / sum(seconds.values()) / 1e6}


def timed(seconds: dict[str, float], name: str, act: Callable[[], Result]) -> Result:
    """Return what *act* returns and add the time it took."""
    started = time.perf_counter()
    result = act()
    seconds[name] += time.perf_counter() - started
    return result


def disk_rate(place: Path) -> float:
    """Return MB/s of packs of 32 MiB that are written and synced one after the other."""
    block = os.urandom(32 * MIB)
    started = time.perf_counter()
    for number in range(16):
        with (place / f"raw-{number}").open("wb", buffering=0) as file:
            file.write(block)
            os.fsync(file.fileno())
    seconds = time.perf_counter() - started
    for number in range(16):
        (place / f"raw-{number}").unlink()
    return 16 * len(block) / seconds / 1e6


def tell(corpus: Corpus, figures: dict[str, Figures]) -> None:
    """Print the tables of one corpus."""
    print(f"\n{corpus.name}: {corpus.files} files, {corpus.size / MIB:.0f} MiB")
    for title, what, digits in (("seconds", "seconds", 2), ("processor seconds", "cpu", 2), ("peak MiB", "mib", 0)):
        print(f"\n{title:24}" + "".join(f"{step:>11}" for step in STEPS))
        for name, each in figures.items():
            print(f"{name:24}" + "".join(f"{each.median(step, what):11.{digits}f}" for step in STEPS))
        for name in set(OURS) & set(figures):
            ratios = [figures[name].median(step, what) / better(figures, step, what) for step in STEPS]
            print(f"{name + ' / the better':24}" + "".join(f"{ratio:11.2f}" for ratio in ratios))
    print(f"\n{'repository, MiB':24}" + "".join(f"{step:>11}" for step in ("first", "edited")))
    for name, each in figures.items():
        print(f"{name:24}" + "".join(f"{each.sizes[step] / MIB:11.1f}" for step in ("first", "edited")))
    for name in set(OURS) & set(figures):
        ratios = [
            figures[name].sizes[step] / min(figures[rival].sizes[step] for rival in RIVALS if rival in figures)
            for step in ("first", "edited")
        ]
        print(f"{name + ' / the better':24}" + "".join(f"{ratio:11.3f}" for ratio in ratios))


def better(figures: dict[str, Figures], step: str, what: str) -> float:
    """Return the smallest of the rivals' medians."""
    return min(figures[rival].median(step, what) for rival in RIVALS if rival in figures)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=size_of, default=2 << 30, help="of the corpora random and text")
    parser.add_argument("--files", type=int, default=20_000, help="in the corpus small")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--daemon", action="store_true", help="also through the daemon and its command line tool")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="corpora to measure")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS), help="tools to measure")
    parser.add_argument("--corpora", type=Path, default=Path(tempfile.gettempdir()) / "cloudconnect-corpora")
    parser.add_argument("--place", type=Path, help="directory on the disk to measure; default: that of the corpora")
    parser.add_argument("--json", type=Path, help="file that gets every single figure")
    return parser.parse_args()


def prepare(options: argparse.Namespace) -> list[Corpus]:
    """Return the corpora, made by another process, whose memory would count as that of every tool started later."""
    script = Path(__file__).with_name("corpora.py")
    subprocess.run(
        [sys.executable, script, options.corpora, f"--size={options.size}", f"--files={options.files}"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return [make(options.corpora, name, options.size, options.files) for name in options.only]


def main() -> None:
    """Measure and print."""
    options = arguments()
    corpora = prepare(options)
    tools = {name: TOOLS[name] for name in options.tools} | ({"daemon": Daemon} if options.daemon else {})
    options.place = options.place or options.corpora
    everything = {}
    print(f"load when it began: {os.getloadavg()[0]:.1f}")
    for corpus in corpora:
        figures = {name: Figures() for name in tools}
        for number in range(options.rounds):
            turn = number % len(tools)
            for name in [*list(tools)[turn:], *list(tools)[:turn]]:
                with tempfile.TemporaryDirectory(prefix="benchmark-", dir=options.place) as place:
                    tool = tools[name](Path(place), corpus.before.with_name("source"))
                    measure(tool, corpus, tool.source, figures[name], compares=not number)
        tell(corpus, figures)
        rates = ", ".join(f"{name} {rate:,.0f}" for name, rate in limits(corpus, 256 * MIB).items())
        print(f"\none core, MB/s: {rates}")
        everything[corpus.name] = {name: {"costs": each.costs, "sizes": each.sizes} for name, each in figures.items()}
        print(f"load: {os.getloadavg()[0]:.1f}", flush=True)
    print(f"\nraw write and fsync: {disk_rate(options.place):,.0f} MB/s")
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
