"""Looks at many states that power cuts and errors of the disk may leave, and counts what is wrong with them.

    python tests/crash/replay/crash.py [--states 250000] [--processes 2] [--seed 1] [--keep DIR] [--bugs]

``make crash`` runs it. Most states come from power cuts at every call of run after run; the rest from runs in which
every write, sync, rename and unlink fails in turn. With ``--bugs`` it says instead how often each of the mistakes of
bugs.py shows. From some of the states the driver goes on, to have the power cut again. Directories that something is
wrong with are kept in DIR. The exit code tells whether anything was.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from dataclasses import dataclass, replace
from pathlib import Path

from bugs import BUGS, BUGS_OF_ERRORS, BUGS_OF_NEW_SPACES
from driver import Run
from rig import FAULTS, Found, Plan, Rig, build_shim, memory, spread

DEEDS = 14
CUTS = Plan(repeats=2, restarts=3)
ERRORS = Plan(share=0.02, after_failure=True)
SHARE_OF_CUTS = 0.85

_rigs: list[Rig] = []


@dataclass(frozen=True, slots=True)
class Task:
    """What one process does at a time: a run with its plan, and the faults to repeat it with."""

    run: Run
    plan: Plan
    fault: str = ""


def work(task: Task) -> Found:
    """Do *task* in a process that has a rig."""
    rig = _rigs[0]
    if not task.fault:
        return rig.explore(task.run, task.plan)
    fault = FAULTS[task.fault]
    found = Found()
    for run in spread(task.run, fault, rig.count(task.run)[fault[0]]):
        found.add(rig.explore(run, task.plan))
    return found


def begin(shim: Path, place: Path, keep: Path | None) -> None:
    """Give this process a rig."""
    os.nice(5)
    _rigs.append(Rig(shim, place, keep))


def do_until(pool: ProcessPoolExecutor, tasks: Iterator[Task], states: int, processes: int) -> Found:
    """Do one task after the other until there were enough states, or no more tasks."""
    found, told = Found(), time.monotonic()
    waiting: set[Future[Found]] = set()
    while True:
        while len(waiting) <= processes and found.states < states and (task := next(tasks, None)) is not None:
            waiting.add(pool.submit(work, task))
        if not waiting:
            return found
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for each in done:
            found.add(each.result())
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"  … {found}", flush=True)


def report(name: str, found: Found, started: float) -> None:
    """Print one line."""
    seconds = time.monotonic() - started
    print(f"{name}: {found}, {seconds:.0f} s, {found.states / seconds:.0f} states/s", flush=True)


def look_for_violations(pool: ProcessPoolExecutor, options: argparse.Namespace) -> bool:
    """Do everything with the product as it is; return whether nothing was wrong."""
    started = time.monotonic()
    seeds = itertools.count(options.seed)
    cuts = (Task(Run(seed=seed, deeds=DEEDS, is_new=seed % 8 == 0), CUTS) for seed in seeds)
    total = do_until(pool, cuts, int(options.states * SHARE_OF_CUTS), options.processes)
    report("power cuts", total, started)
    seed = options.seed
    while total.states < options.states or seed == options.seed:
        begun = time.monotonic()
        waiting = {pool.submit(work, Task(Run(seed=seed, deeds=DEEDS), ERRORS, fault)): fault for fault in FAULTS}
        for done in as_completed(waiting):
            report(waiting[done], done.result(), begun)
            total.add(done.result())
        seed += 1
    report("in all", total, started)
    return total.is_good


def look_for_bugs(pool: ProcessPoolExecutor, options: argparse.Namespace) -> bool:
    """Do the same with each bug; return whether all were found."""
    is_found = True
    for bug in BUGS:
        started = time.monotonic()
        run = Run(seed=options.seed, deeds=DEEDS, bug=bug, is_new=bug in BUGS_OF_NEW_SPACES)
        task = Task(run, CUTS)
        if bug in BUGS_OF_ERRORS:
            task = Task(replace(run, fault_path=BUGS_OF_ERRORS[bug]), ERRORS, "sync: input/output error")
        found = do_until(pool, iter([task]), 1, options.processes)
        report(bug, found, started)
        is_found &= bool(found.violations) and not found.failures
    return is_found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=250_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--bugs", action="store_true")
    options = parser.parse_args()
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cloudconnect-crash-", dir=memory()) as name:
        place = Path(name)
        shim = build_shim(place)
        if shim is None:
            parser.error("a C compiler is needed: apt install gcc libc6-dev")
        with ProcessPoolExecutor(options.processes, initializer=begin, initargs=(shim, place, options.keep)) as pool:
            is_good = (look_for_bugs if options.bugs else look_for_violations)(pool, options)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
