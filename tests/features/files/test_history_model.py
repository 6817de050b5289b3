"""Random changes to a small tree, beside a model that remembers every state it was ever in."""

import asyncio
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cloudconnect.features.files import Condition
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.errors import CloudConnectError, Conflict

pytestmark = pytest.mark.slow

ANYTHING = Condition(if_match=frozenset({"*"}))
EXAMPLES = int(os.environ.get("CLOUDCONNECT_HISTORY_EXAMPLES", "40"))
NAMES = st.sampled_from("abc")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "/" + "/".join(names))
CONTENTS = st.sampled_from([b"", b"one", b"two", b"three"])

Tree = dict[str, bytes | None]
"""Path to content, None for a folder."""


def below(tree, path):
    """What is at *path*, by the rest of its path."""
    return {each[len(path) :]: content for each, content in tree.items() if each == path or each.startswith(f"{path}/")}


def without(tree, path):
    return {each: content for each, content in tree.items() if each != path and not each.startswith(f"{path}/")}


def with_at(tree, path, part):
    return without(tree, path) | {path + rest: content for rest, content in part.items()}


def parent(path):
    return path.rpartition("/")[0]


def holds(tree, path):
    """Whether something can stand at *path*: its folder is there."""
    return not parent(path) or tree.get(parent(path), b"") is None


class Past(RuleBasedStateMachine):
    """Every person is new, and so is the space."""

    people = 0

    def __init__(self):
        super().__init__()
        Past.people += 1
        self.ada = self.run(self.rooms.person(f"ada{Past.people}"))
        self.tree: Tree = {}
        self.states = [(self.seq(), {})]
        self.done = []
        self.trashed = {}

    # How it asks

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def seq(self):
        return self.run(self.rooms.spaces.get_space(self.ada, "personal")).seq

    def listing(self, at=None):
        async def read():
            page = await self.rooms.files.find_descendants(self.ada, "personal", "/", at=at, limit=1000)
            return {
                entry.path: None
                if entry.is_folder
                else b"".join(
                    [
                        piece
                        async for piece in (
                            await self.rooms.files.open_file(self.ada, "personal", entry.path, at)
                        ).read(0, None)
                    ]
                )
                for entry in page.items
            }

        return self.run(read())

    def attempt(self, work, expected):
        """Do *work*: it leads to what is *expected*, or is refused and changes nothing."""
        try:
            change = self.run(work)
        except CloudConnectError:
            assert self.listing() == self.tree
            return None
        if change.undo:
            self.done.append((self.tree, str(change.undo)))
        self.become(expected)
        return change

    def become(self, tree):
        self.tree = tree
        assert self.listing() == tree
        self.states.append((self.seq(), tree))

    # What people do

    @rule(path=PATHS, content=CONTENTS)
    def put(self, path, content):
        async def stream():
            yield content

        if self.tree.get(path, b"") is None:
            return
        condition = ANYTHING if path in self.tree else Condition()
        expected = self.tree | {path: content}
        for depth in range(2, path.count("/") + 1):
            expected.setdefault("/".join(path.split("/")[:depth]), None)
        self.attempt(
            self.rooms.files.put_file(self.ada, "personal", path, stream(), condition=condition, parents=True), expected
        )

    @rule(path=PATHS)
    def add_folder(self, path):
        self.attempt(self.rooms.files.add_folder(self.ada, "personal", path), self.tree | {path: None})

    @rule(source=PATHS, into=PATHS, replace=st.booleans())
    def move(self, source, into, replace):
        part = below(self.tree, source)
        expected = self.tree if source == into else with_at(without(self.tree, source), into, part)
        self.attempt(self.rooms.files.move(self.ada, "personal", source, into, replace=replace), expected)

    @rule(source=PATHS, into=PATHS)
    def copy(self, source, into):
        expected = with_at(self.tree, into, below(self.tree, source))
        self.attempt(self.rooms.files.copy(self.ada, "personal", source, into), expected)

    @rule(path=PATHS)
    def trash(self, path):
        part = below(self.tree, path)
        gone = self.attempt(self.rooms.files.trash(self.ada, "personal", path, ANYTHING), without(self.tree, path))
        if gone is not None:
            self.trashed[gone.trashed.node] = part

    @precondition(lambda self: self.trashed)
    @rule(into=PATHS, data=st.data())
    def restore(self, into, data):
        node = data.draw(st.sampled_from(sorted(self.trashed)))
        work = self.rooms.files.restore(self.ada, "personal", node, into)
        if self.attempt(work, self.tree | with_at({}, into, self.trashed[node])) is not None:
            del self.trashed[node]

    # What takes back

    @precondition(lambda self: self.done)
    @rule(count=st.integers(1, 4), is_redone=st.booleans())
    def undo_last(self, count, is_redone):
        count = min(count, len(self.done))
        before = self.tree
        undone = self.run(self.rooms.history.undo(self.ada, "personal", last=count))
        self.trashed.clear()
        self.become(self.done[-count][0])
        if is_redone:
            self.run(self.rooms.history.undo(self.ada, "personal", token=str(undone.undo)))
            self.become(before)
        else:
            del self.done[-count:]

    @precondition(lambda self: self.done)
    @rule(data=st.data(), skip=st.booleans())
    def undo_and_redo_any(self, data, skip):
        _, token = data.draw(st.sampled_from(self.done))
        try:
            undone = self.run(self.rooms.history.undo(self.ada, "personal", token=token, skip=skip))
        except Conflict:
            assert self.listing() == self.tree
            return
        self.trashed.clear()
        self.states.append((self.seq(), self.listing()))
        self.run(self.rooms.history.undo(self.ada, "personal", token=str(undone.undo)))
        self.become(self.tree)

    @rule(path=PATHS, data=st.data())
    def give_back(self, path, data):
        seq, past = data.draw(st.sampled_from(self.states))
        part = below(past, path)
        if not part:
            return
        before = self.trashed
        self.trashed = {}
        expected = with_at(self.tree, path, part)
        if self.attempt(self.rooms.returning.give_back(self.ada, "personal", path, f"seq:{seq}"), expected) is None:
            self.trashed = before
            assert expected == self.tree or not holds(self.tree, path)

    # What stays true

    @rule(data=st.data())
    def the_past_is_as_it_was(self, data):
        seq, past = data.draw(st.sampled_from(self.states))
        assert self.listing(f"seq:{seq}") == past

    @rule(data=st.data(), limit=st.integers(1, 5))
    def what_differs_is_told(self, data, limit):
        (first, before), (second, after) = (data.draw(st.sampled_from(self.states)) for _ in range(2))
        found, cursor, is_more = [], None, True
        while is_more:
            page = self.run(
                self.rooms.comparing.find_differences(
                    self.ada, "personal", f"seq:{first}", f"seq:{second}", limit=limit, cursor=cursor
                )
            )
            found, cursor = found + page.items, page.next_cursor
            is_more = cursor is not None
        assert len({each.node for each in found}) == len(found)
        told = [{each.before for each in found}, {each.after for each in found}]
        for tree, other, paths in ((before, after, told[0]), (after, before, told[1])):
            assert {path for path in paths if path} <= tree.keys()
            for path, content in tree.items():
                if other.get(path, b"nothing") != content:
                    line = ["/".join(path.split("/")[:depth]) for depth in range(2, path.count("/") + 2)]
                    assert paths & set(line), path

    @invariant()
    def nothing_is_listed_as_undoable_but_what_was_done(self):
        listed = self.run(self.rooms.history.find_undoable(self.ada, "personal", 3))
        assert [str(each.token) for each in listed] == [token for _, token in reversed(self.done[-3:])]

    def teardown(self):
        while self.done:
            self.run(self.rooms.history.undo(self.ada, "personal", last=min(3, len(self.done))))
            self.tree = self.done[-min(3, len(self.done))][0]
            del self.done[-min(3, len(self.done)) :]
            assert self.listing() == self.tree
        assert self.listing() == {}
        assert self.run(self.rooms.database.read(spaces.find_miscounted)) == []


async def test_every_past_stays_as_it_was_and_everything_can_be_taken_back(rooms):
    bounds = settings(
        max_examples=EXAMPLES,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    past = type("Here", (Past,), {"rooms": rooms, "loop": asyncio.get_running_loop()})
    await asyncio.to_thread(run_state_machine_as_test, past, settings=bounds)
