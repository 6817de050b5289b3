"""Cuts the power at every moment of a run of the driver, and starts on whatever a disk may then hold.

Source: Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014); Mohan et al., "Finding Crash-Consistency
Bugs with Bounded Black-Box Crash Testing" (OSDI 2018); Rebello et al., "Can Applications Recover from fsync Failures?"
(ATC 2020).
"""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from checks import violations
from driver import EXIT_FAILED, Run
from history import History
from recording import Step, steps
from states import BY_CHANCE, MODES, Disk, Image

HERE = Path(__file__).parent
_MEMORY = Path("/dev/shm")
FAULTS: dict[str, tuple[str, int, int]] = {
    "sync: input/output error": ("s", errno.EIO, 1),
    "write: input/output error": ("w", errno.EIO, 1),
    "write: no room from here on": ("w", errno.ENOSPC, 1 << 40),
    "write: no room three times": ("w", errno.ENOSPC, 3),
    "write: only half": ("w", 0, 1),
    "rename: input/output error": ("r", errno.EIO, 1),
    "rename: no room": ("r", errno.ENOSPC, 1),
    "unlink: input/output error": ("u", errno.EIO, 1),
}
"""Kind of call, error number, and how many calls in a row fail."""

_CALLS = {"s": "S", "w": "W", "r": "R", "u": "U"}
_POOLED = 2_000
_DEEDS_AGAIN = 2
_IN_FULL = 4  # every how many states all is looked at
_SHARE_AGAIN = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """Which of the possible states are looked at."""

    modes: tuple[str, ...] = MODES
    repeats: int = 1
    """How many states of each mode of chance."""
    share: float = 1.0
    """How likely each is looked at."""
    after_failure: bool = False
    """Only from the first call on that fails by order."""
    stops_at_first: bool = False
    restarts: int = 0
    """From how many of the states the driver goes on, to have the power cut again."""


@dataclass(slots=True)
class Found:
    """What some runs showed."""

    states: int = 0
    runs: int = 0
    acknowledged: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    collected: int = 0
    moved: int = 0
    violating: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    first: str = ""
    failures: list[str] = field(default_factory=list)
    """Runs that ended in a way that no run should, whatever is on the disk."""

    @property
    def is_good(self) -> bool:
        """Whether nothing was wrong."""
        return not self.violations and not self.failures

    def add(self, other: "Found") -> None:
        """Count what *other* found as well."""
        self.states += other.states
        self.runs += other.runs
        self.acknowledged += other.acknowledged
        self.refusals += other.refusals
        self.ended += other.ended
        self.collected += other.collected
        self.moved += other.moved
        self.violating += other.violating
        self.violations += other.violations
        self.first = self.first or other.first
        self.failures += other.failures

    def note(self, wrong: list[str], where: str) -> None:
        """Count what was *wrong* in one state."""
        self.violating += bool(wrong)
        self.violations.update(set(wrong))
        if wrong and not self.first:
            self.first = f"{where}: {wrong[0]}"

    def __str__(self) -> str:
        told = f"{self.runs} runs, {self.states} states, {self.acknowledged} acknowledged"
        told += f", {self.collected} packs collected, {self.moved} chunks moved"
        if self.refusals:
            told += f", refused {dict(self.refusals)}, {self.ended} ended early"
        told += f", {self.violating} violating"
        if self.violations:
            told += f" {dict(self.violations)}; first {self.first}"
        return "\n".join([told, *self.failures])


@dataclass(frozen=True, slots=True)
class Begin:
    """What a run begins with: what is on the disk, nothing for a new store, and what was acknowledged."""

    image: Image
    history: History


class Rig:
    """A driver under the recorder, and a place in memory for the states."""

    def __init__(self, shim: Path, place: Path, keep: Path | None = None) -> None:
        self._place = Path(tempfile.mkdtemp(dir=place))
        self._root = self._place / "root"
        self._pool: dict[bytes, Path] = {}
        self._keep = keep
        self._driver = subprocess.Popen(
            [sys.executable, str(HERE / "driver.py")],
            env=os.environ | {"LD_PRELOAD": str(shim)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def close(self) -> None:
        """End the driver and remove everything."""
        self._driver.stdin.close()
        self._driver.wait()
        self._driver.stdout.close()
        shutil.rmtree(self._place)

    def explore(self, run: Run, plan: Plan = Plan()) -> Found:
        """Do *run*, and look at the states of *plan* after each of its calls, and at what it leaves."""
        found = Found()
        begins = self._explore(run, plan, found, Begin({}, History()))
        for begin in begins:
            history = begin.history
            after = history.deeds, history.contents, len(history.spaces)
            again = replace(run, deeds=_DEEDS_AGAIN, is_new=False, fault=None, after=after)
            self._explore(again, replace(plan, share=plan.share * _SHARE_AGAIN, restarts=0), found, begin)
        return found

    def _explore(self, run: Run, plan: Plan, found: Found, begin: Begin) -> list[Begin]:
        disk, trace, code = self._record(run, begin.image)
        history, random = begin.history, Random(run.seed)
        begins: list[Begin] = []
        seen: set[int] = set()
        is_looking = not plan.after_failure
        for number, step in enumerate(trace):
            is_looking |= step.what in {"E", "F"}
            if step.what == "J":
                history.read(step.data)
                seen.clear()
            else:
                disk.play(step)
            if is_looking:
                for mode, image in _unseen(disk, plan, random, seen):
                    found.states += 1
                    in_short = history.is_made and bool(found.states % _IN_FULL)
                    wrong = self._look(image, history, run, in_short=in_short)
                    found.note(wrong, f"{run}, call {number} ({step.what} {Path(step.path).name}), {mode}")
                    if history.is_made and random.random() < plan.restarts / (len(trace) * len(plan.modes)):
                        begins.append(Begin(image, history.again()))
            if found.violations and plan.stops_at_first:
                return []
        self._conclude(run, code, history, found)
        return begins

    def count(self, run: Run) -> Counter[str]:
        """Return how many calls of each kind *run* makes."""
        calls = Counter(step.what for step in self._record(run, {})[1])
        return Counter({kind: calls[what] for kind, what in _CALLS.items()})

    def _record(self, run: Run, image: Image) -> tuple[Disk, list[Step], int]:
        shutil.rmtree(self._root, ignore_errors=True)
        self._lay_out(image or {str(self._root): None}, self._root)
        trace = self._place / "trace"
        run = replace(run, root=str(self._root), trace=str(trace))
        if not run.is_new and not image:
            self._ask(replace(run, deeds=0))
        disk = Disk(run.root)
        code = self._ask(run)
        return disk, list(steps(trace)), code

    def _ask(self, run: Run) -> int:
        self._driver.stdin.write(run.to_json() + "\n")
        return int(self._driver.stdout.readline())

    def _conclude(self, run: Run, code: int, history: History, found: Found) -> None:
        found.runs += 1
        found.acknowledged += history.acknowledged
        found.refusals.update(history.refusals)
        found.ended += history.has_ended
        found.collected += history.collected
        found.moved += history.moved
        if history.strangers:
            found.failures.append(f"{run}: an error that is no refusal: {history.strangers[0]}")
        if code != (EXIT_FAILED if history.has_ended else 0):
            found.failures.append(f"{run}: the driver ended with {code}")
        found.states += 1
        found.note(violations(self._root, history, run.seed), f"{run}, as it was left")

    def _look(self, image: Image, history: History, run: Run, *, in_short: bool) -> list[str]:
        state = self._place / "state"
        self._lay_out(image, state)
        try:
            wrong = violations(state, history, run.seed, in_short=in_short)
        finally:
            shutil.rmtree(state)
        if wrong and self._keep is not None:
            self._lay_out(image, Path(tempfile.mkdtemp(dir=self._keep)) / "state")
        return wrong

    def _lay_out(self, image: Image, state: Path) -> None:
        start = len(str(self._root))
        for path, data in image.items():
            target = f"{state}{path[start:]}"
            if data is None:
                os.mkdir(target, 0o700)  # noqa: PTH102 - hundreds of thousands of times
            elif "/packs/" in path:
                os.link(self._pooled(data), target)
            elif not path.endswith("-shm"):  # the index of the database's log does not outlive the machine
                with open(target, "wb") as file:  # noqa: PTH123 - as above
                    file.write(data)

    def _pooled(self, data: bytes) -> Path:
        # Nobody changes a pack, so all states may share it.
        path = self._pool.get(data)
        if path is None:
            pool = self._place / "pool"
            if len(self._pool) > _POOLED:
                shutil.rmtree(pool)
                self._pool.clear()
            pool.mkdir(exist_ok=True)
            path = self._pool[data] = pool / str(len(self._pool))
            path.write_bytes(data)
        return path


def memory() -> Path | None:
    """Return a directory whose files cost no disk, if there is one."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else None


def spread(run: Run, fault: tuple[str, int, int], calls: int, most: int = 1 << 30) -> Iterator[Run]:
    """Yield *run* with *fault* at each of its *calls* of that kind, or at *most* of them, evenly spread."""
    kind, error, times = fault
    for nth in range(1, calls + 1, max(-(-calls // most), 1)):
        yield replace(run, fault=(kind, nth, error, times))


def build_shim(place: Path) -> Path | None:
    """Compile the recorder into *place*; None without a compiler."""
    if shutil.which("cc") is None:
        return None
    shim = place / "shim.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(shim), str(HERE / "shim.c")]
    subprocess.run(command, check=True)
    return shim


def _unseen(disk: Disk, plan: Plan, random: Random, seen: set[int]) -> Iterator[tuple[str, Image]]:
    for mode in plan.modes:
        for _ in range(plan.repeats if mode in BY_CHANCE else 1):
            if plan.share < 1 and random.random() >= plan.share:
                continue
            image = disk.image(mode, random)
            mark = hash(frozenset(image.items()))
            if mark not in seen:
                seen.add(mark)
                yield mode, image
