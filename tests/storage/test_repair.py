"""Repair finds every copy there is, and believes none that it has not proven; one failed read is no damage."""

import errno
import os
import random

import pytest

from cloudconnect.storage import damage
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.copies import find_copies
from cloudconnect.storage.errors import BackendUnreachable
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.repair import Repair
from cloudconnect.storage.scrub import Scrub
from tests.storage.house import SPACE, Quiet, build, noise

# How many chunks are damaged at once; 10000 is the promise, few are enough to keep the code to it.
CHUNKS = int(os.environ.get("CLOUDCONNECT_TEST_FLIPS", "40"))
PLACES = "SELECT pack.id, chunk.position, chunk.length FROM chunk JOIN pack ON pack.number = chunk.pack"


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    yield made
    made.close()


class Faltering:
    """A backend whose next reads fail."""

    def __init__(self, inner, failures, error=errno.EIO):
        self.inner = inner
        self.failures = failures
        self.error = error

    def read(self, name, offset, length):
        if self.failures:
            self.failures -= 1
            raise OSError(self.error, "the disk")
        return self.inner.read(name, offset, length)

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Away(MemoryBackend):
    """A bucket that nobody answers for, and how often it was asked."""

    asked = 0

    def read(self, name, offset, length):
        self.asked += 1
        raise BackendUnreachable("The object storage does not answer.")

    def orphans(self):
        self.asked += 1
        raise BackendUnreachable("The object storage does not answer.")


def scrub(house):
    return Scrub(house.repository, house, 1 << 20).run({}, Quiet())


def repair(house, *backends):
    everywhere = {"main": house.backend} | {f"other-{number}": each for number, each in enumerate(backends)}
    return Repair(house.repository, house, 1 << 20, lambda: find_copies(everywhere)).run({}, Quiet())


def store_twice(house, data, copies=1):
    """Store *data* for a version, and *copies* packs with the same chunks that no version needs; return their names."""
    before = {name for name, _ in house.backend.names()}
    for _ in range(copies):
        house.repository.write(SPACE, [data])
    extra = [name for name, _ in house.backend.names() if name not in before]
    house.put("a", data)
    return extra, next(name for name, _ in house.backend.names() if name not in {*before, *extra})


def adopt(house, name, state="live"):
    house.write(
        lambda sql, _: sql.execute(
            "INSERT INTO pack (id, domain, size, state) VALUES (?, ?, ?, ?)",
            (bytes.fromhex(name.rsplit("/", 1)[1]), SPACE, house.backend.size(name), state),
        )
    )


def hurt(house, name):
    house.flip(name, 200)


@pytest.mark.parametrize("state", ["live", "dead"])
def test_a_chunk_is_healed_from_another_pack(house, state):
    (extra,), used = store_twice(house, b"twice")
    adopt(house, extra, state)
    hurt(house, used)
    scrub(house)

    assert repair(house)["chunks_left"] == 0
    assert house.get("a") == b"twice"


def test_a_chunk_is_healed_from_a_pack_that_was_set_aside(house):
    (extra,), used = store_twice(house, b"twice")
    house.backend.set_aside(extra)
    hurt(house, used)
    scrub(house)

    assert repair(house)["chunks_left"] == 0
    assert house.get("a") == b"twice"


def test_a_whole_pack_that_was_set_aside_elsewhere_heals_one_of_the_same_name(house):
    house.put("a", b"kept")
    ((name, _),) = house.backend.names()
    other = MemoryBackend()
    other._objects[name] = house.backend._objects[name]
    other.set_aside(name)
    hurt(house, name)
    scrub(house)

    assert repair(house, other)["chunks_left"] == 0
    assert house.get("a") == b"kept"


def test_every_duplicate_is_tried(house):
    extras, used = store_twice(house, b"often", copies=3)
    for each in extras:
        adopt(house, each)
    for each in (used, *extras[:2]):
        hurt(house, each)
    scrub(house)

    assert repair(house)["chunks_left"] == 0
    assert house.get("a") == b"often"


def test_a_damaged_copy_is_not_believed(house):
    house.put("a", noise(1, 700_000))
    ((name, _),) = house.backend.names()
    other = MemoryBackend()
    hurt(house, name)
    other._objects[name] = house.backend._objects[name]
    scrub(house)

    outcome = repair(house, other)

    assert (outcome["chunks_healed"], outcome["chunks_left"]) == (0, 1)


def test_a_copy_out_of_reach_is_asked_once_and_hinders_nothing(house):
    for number in range(3):
        house.put(f"{number}", noise(number, 5_000))
    other = MemoryBackend()
    other._objects.update(house.backend._objects)
    for name, _ in list(house.backend.names()):
        hurt(house, name)
    scrub(house)
    away = Away()

    assert repair(house, away, other)["chunks_left"] == 0
    assert away.asked == 1


def test_a_read_that_fails_once_damages_nothing(house):
    house.put("a", noise(1, 700_000))
    faltering = Faltering(house.backend, 0)
    house.repository.backend = house.repository.reader._backend = faltering
    faltering.failures = 1
    outcome = scrub(house)
    faltering.failures = 1
    house.repository.reader._cache._chunks.clear()

    assert house.get("a") == noise(1, 700_000)
    assert (outcome["damaged_packs"], outcome["damaged_chunks"]) == (0, 0)
    assert house.read(damage.count) == (0, 0)


def test_a_read_that_keeps_failing_is_damage(house):
    house.put("a", noise(1, 5_000))
    house.repository.backend = Faltering(house.backend, 1_000)

    assert scrub(house)["damaged_chunks"] == 1


def test_flipped_chunks_heal_from_a_second_copy(house):
    chance = random.Random(11)
    for number in range(CHUNKS):
        house.put(f"{number}", noise(number, 2_000))
    mirror = MemoryBackend()
    mirror._objects.update(house.backend._objects)
    for pack_id, position, length in house.read(lambda sql: sql.rows(PLACES)):
        house.flip(pack_name(SPACE, pack_id), position + chance.randrange(length))
    found = scrub(house)["damaged_chunks"]

    outcome = repair(house, mirror)

    print(f"{found} flipped, {outcome['chunks_healed']} healed")
    assert found == CHUNKS
    assert outcome["chunks_healed"] >= found * 0.999
    assert all(house.get(name) == data for name, (_, data) in house.contents.items())
