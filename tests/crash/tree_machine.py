"""Drive REST, WebDAV and tus of one daemon against one model of a tree that remembers, and kill it in between.

    python -m tests.crash.tree_machine [--examples 10000] [--steps 15] [--seed 1] [--place DIR]

After every step the listing, the contents and the ETags are those of the model; an earlier moment, asked for by its
seq, is what it was; after a kill everything that was acknowledged is there. In the end of each example everything is
taken back at once, which leads to where it began. The first violation ends the run and prints the steps to it.
"""

import argparse
import itertools
import time
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.crash.tree_faces import serving
from tests.crash.tree_work import CONTENTS, Work

NAMES = st.sampled_from(("a", "b", "ü 1"))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names))
FACES = st.sampled_from(("rest", "dav"))
BYTES = st.sampled_from(CONTENTS)
ANY = st.integers(0, 1_000)
NEVER_A_LIMIT = 7
"""Hypothesis likes to draw the least and the greatest of a range; what costs a start of the daemon is drawn seldom."""


class Trees(RuleBasedStateMachine):
    """Every example has a folder of its own in one space; ``faces`` are those of the daemon of the run."""

    faces = None
    numbers = itertools.count()
    kills = 0
    steps = 0

    def __init__(self):
        super().__init__()
        self.work = Work(self.faces, f"/{next(self.numbers)}")

    @rule(face=st.sampled_from(("rest", "dav", "tus")), path=PATHS, content=BYTES)
    def put(self, face, path, content):
        self.work.put(face, path, content)

    @rule(face=FACES, path=PATHS, content=BYTES)
    def put_stale(self, face, path, content):
        self.work.put_stale(face, path, content)

    @rule(face=FACES, path=PATHS)
    def add_folder(self, face, path):
        self.work.add_folder(face, path)

    @rule(face=FACES, source=PATHS, into=PATHS, may_replace=st.booleans())
    def move(self, face, source, into, may_replace):
        self.work.move(face, source, into, may_replace)

    @rule(face=FACES, source=PATHS, into=PATHS, may_replace=st.booleans())
    def copy(self, face, source, into, may_replace):
        self.work.copy(face, source, into, may_replace)

    @rule(face=FACES, path=PATHS)
    def trash(self, face, path):
        self.work.trash(face, path)

    @rule(path=PATHS, name=st.sampled_from(("red", "blue")))
    def tag(self, path, name):
        self.work.tag(path, name)

    @rule(number=ANY, into=PATHS)
    def restore(self, number, into):
        self.work.restore(number, into)

    @rule(path=PATHS, content=BYTES)
    def begin(self, path, content):
        self.work.begin(path, content)

    @rule(number=ANY, count=st.sampled_from((1, 2, 70_000, 1_000_000)))
    def send(self, number, count):
        self.work.send(number, count)

    @rule(count=st.integers(1, 4), is_redone=st.booleans())
    def undo_last(self, count, is_redone):
        self.work.undo_last(count, is_redone)

    @rule(luck=st.integers(0, 40))
    def crash(self, luck):
        if luck == NEVER_A_LIMIT:
            Trees.kills += 1
            self.work.crash()

    @rule(luck=st.integers(0, 40), path=PATHS, content=BYTES, after_seconds=st.floats(0, 0.01))
    def crash_amid(self, luck, path, content, after_seconds):
        if luck == NEVER_A_LIMIT:
            Trees.kills += 1
            self.work.crash_amid(path, content, after_seconds)

    @rule(number=ANY)
    def look_back(self, number):
        self.work.look_back(number)

    @rule(number=ANY)
    def look_by_dav(self, number):
        self.work.look_by_dav(number)

    def teardown(self):
        Trees.steps += len(self.work.states)
        self.work.give_up()
        self.work.undo_everything()


def run(faces, examples, steps, seed=None):
    """Run *examples* of at most *steps* steps each."""
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=seed is None,
    )
    machine = type("Here", (Trees,), {"faces": faces})
    run_state_machine_as_test(machine if seed is None else hypothesis.seed(seed)(machine), settings=bounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--place", type=Path)
    options = parser.parse_args()
    started, batch = time.monotonic(), 250
    for first in range(0, options.examples, batch):
        with serving(options.place, is_forked=True) as faces:
            run(faces, min(batch, options.examples - first), options.steps, options.seed + first)
        told = f"{min(first + batch, options.examples)} examples, {Trees.steps} states compared, {Trees.kills} kills"
        print(f"{told}, 0 violations, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
