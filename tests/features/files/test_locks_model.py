"""Locks against a model of them: whoever does what, in whatever order, both say the same."""

import random
from dataclasses import dataclass
from datetime import timedelta

import pytest

from cloudconnect.features.files import Condition, LocksService, LockTerms
from cloudconnect.kernel.errors import Locked
from cloudconnect.ports.access import Resource, Role

FOLDERS = ("/", "/a", "/a/b")
FILES = ("/a/b/f", "/a/g", "/h")
STEPS = 80
ANYTHING = Condition(is_whatever=True)


@dataclass
class Held:
    path: str
    owner: str
    is_shared: bool
    is_deep: bool
    until: object
    token: str


def parent(path):
    return path.rpartition("/")[0] or "/"


def is_below(path, top):
    return path != top and path.startswith(top.rstrip("/") + "/")


class Model:
    """The locks that hold, and what they keep whom from."""

    def __init__(self, clock):
        self._clock = clock
        self._all = []

    @property
    def held(self):
        self._all = [each for each in self._all if each.until > self._clock.now()]
        return self._all

    def add(self, held):
        self._all.append(held)

    def covering(self, path):
        return [each for each in self.held if each.path == path or (each.is_deep and is_below(path, each.path))]

    def passes(self, name, held):
        return not held or any(each.owner == name for each in held)

    def may_write(self, name, path):
        return self.passes(name, self.covering(path))

    def may_rename(self, name, path):
        # A lock goes with the name, so a shared one further up is not enough to take somebody else's away.
        ends = [[each for each in self.held if each.path == place] for place in (path, parent(path))]
        writes = [self.covering(place) for place in (path, parent(path))]
        return all(self.passes(name, held) for held in ends + writes)

    def may_lock(self, path, is_shared, is_deep):
        there = self.covering(path) + [each for each in self.held if is_deep and is_below(each.path, path)]
        return all(each.is_shared and is_shared for each in there)

    def release(self, path):
        self._all = [each for each in self._all if each.path != path]


async def is_done(act):
    try:
        await act
    except Locked:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_the_model_and_the_room_agree(rooms, ada, bob, seed):  # noqa: C901 - one walk, one branch for each act
    chance, files = random.Random(seed), rooms.files
    locks = LocksService(rooms.log, rooms.database, rooms.guide, rooms.vault, rooms.clock)
    space = await rooms.spaces.get_space(ada, "personal")
    resource = Resource(space.id, (space.root,))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=ada
    )

    async def put(who, path):
        async def stream():
            yield b"x"

        await files.put_file(who, space.id, path, stream(), condition=ANYTHING, parents=True)

    for path in FILES:
        await put(ada, path)
    model = Model(rooms.clock)
    for step in range(STEPS):
        who, path = chance.choice((ada, bob)), chance.choice(FOLDERS + FILES)
        file = chance.choice(FILES)
        match chance.choice(("lock", "lock", "unlock", "put", "rename", "wait")):
            case "lock":
                is_shared, is_deep = chance.random() < 0.6, chance.random() < 0.5
                terms = LockTerms(is_shared, is_deep, "", timedelta(minutes=chance.randint(1, 30)))
                is_expected = model.may_lock(path, is_shared, is_deep)
                try:
                    lock, _ = await locks.lock(who, space.id, path, terms)
                except Locked:
                    assert not is_expected, step
                else:
                    assert is_expected, step
                    model.add(Held(path, who.name, is_shared, is_deep and path in FOLDERS, lock.expires, lock.token))
            case "unlock" if model.held:
                held = chance.choice(model.held)
                owner = ada if held.owner == "ada" else bob
                await locks.unlock(owner, space.id, held.path, held.token)
                model.held.remove(held)
            case "put":
                assert await is_done(put(who, file)) is model.may_write(who.name, file), step
            case "rename":
                is_expected = model.may_rename(who.name, file)
                assert await is_done(files.move(who, space.id, file, f"{file}-away")) is is_expected, step
                if is_expected:
                    model.release(file)
                    await files.move(who, space.id, f"{file}-away", file)
            case _:
                rooms.clock.advance(timedelta(minutes=chance.randint(0, 5)))
        listed = await locks.find_locks(ada, space.id, 1_000, None)
        assert sorted((each.path, each.token) for each in listed.items) == sorted(
            (each.path, each.token) for each in model.held
        ), step
