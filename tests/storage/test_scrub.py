"""Scrub finds every damage, and repair heals what there is a whole copy of, by adding only."""

import random

import pytest

from cloudconnect.storage import damage
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.copies import find_copies
from cloudconnect.storage.errors import ContentDamaged
from cloudconnect.storage.repair import Repair
from cloudconnect.storage.scrub import Scrub
from tests.storage.house import SPACE, Quiet, build, noise


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    yield made
    made.close()


def scrub(house, progress=None, **parameters):
    return Scrub(house.repository, house, 1 << 20).run(parameters, progress or Quiet())


def repair(house, backends=()):
    everywhere = {"main": house.backend} | dict(enumerate(backends))
    return Repair(house.repository, house, 1 << 20, lambda: find_copies(everywhere)).run({}, Quiet())


def copy_of(backend):
    copy = MemoryBackend()
    copy._objects.update(backend._objects)
    return copy


def packs_of(house):
    return [name for name, _ in house.backend.names()]


def test_what_is_whole_is_found_whole(house):
    house.put("a", noise(1, 3 << 20))
    house.put("b", b"small")

    outcome = scrub(house)

    assert outcome["packs"] == len(packs_of(house))
    assert outcome["bytes"] == house.stored_bytes()
    assert (outcome["damaged_packs"], outcome["missing_packs"], outcome["damaged_chunks"]) == (0, 0, 0)
    assert outcome["chunks"] == len(house.read(lambda sql: sql.rows("SELECT key FROM chunk")))


@pytest.mark.parametrize("keys", ["yes", "no"])
def test_one_bit_anywhere_is_found(house, keys):
    house.put("a", noise(1, 700_000))
    chance = random.Random(5)
    for name in packs_of(house):
        for _ in range(20):
            place = chance.randrange(house.backend.size(name))
            house.flip(name, place)
            assert scrub(house, keys=keys)["damaged_packs"] == 1
            house.flip(name, place)
    assert scrub(house)["damaged_packs"] == 0
    assert house.read(damage.count) == (0, 0)


def test_a_missing_pack_damages_its_chunks(house):
    house.put("a", noise(1, 700_000))
    (name,) = packs_of(house)
    house.backend.delete(name)

    outcome = scrub(house)

    assert outcome["missing_packs"] == 1
    assert outcome["damaged_chunks"] == len(house.read(lambda sql: sql.rows("SELECT key FROM chunk")))


def test_a_chunk_that_was_read_in_vain_is_stored_anew(house):
    house.put("a", noise(1, 700_000))
    (name,) = packs_of(house)
    house.flip(name, 5_000)
    with pytest.raises(ContentDamaged):
        house.get("a")
    house.put("b", noise(1, 700_000))

    assert house.get("a") == house.get("b") == noise(1, 700_000)
    assert house.read(damage.count) == (0, 0)


def test_repair_heals_from_another_backend(house):
    for number in range(5):
        house.put(f"{number}", noise(number, 900_000))
    mirror = copy_of(house.backend)
    chance = random.Random(7)
    for name in packs_of(house):
        house.flip(name, chance.randrange(100, house.backend.size(name) - 2_000))
    found = scrub(house)["damaged_chunks"]

    outcome = repair(house, [mirror])

    assert outcome["chunks_healed"] == found == 5
    assert outcome["chunks_left"] == 0
    assert all(house.get(f"{number}") == noise(number, 900_000) for number in range(5))
    house.collect_all()
    assert scrub(house)["damaged_packs"] == 0


def test_repair_heals_from_a_duplicate(house):
    content = house.repository.write(SPACE, [b"twice"])
    house.put("a", b"twice")
    house.put("b", b"other")
    del content
    # A pack that was settled for another content holds the chunk of the first a second time.
    duplicate = next(
        name for name in packs_of(house) if name not in {each for each in packs_of(house) if is_used(house, each)}
    )
    house.write(lambda sql, _: adopt(sql, duplicate, house.backend.size(duplicate)))
    used = next(name for name in packs_of(house) if is_used(house, name) and name != duplicate)
    house.flip(used, 200)
    scrub(house)

    assert repair(house)["chunks_left"] == 0
    assert house.get("a") == b"twice"


def is_used(house, name):
    pack_id = bytes.fromhex(name.rsplit("/", 1)[1])
    return house.read(lambda sql: sql.row("SELECT 1 FROM pack WHERE id = ?", (pack_id,))) is not None


def adopt(sql, name, size):
    sql.execute(
        "INSERT INTO pack (id, domain, size, state) VALUES (?, ?, ?, 'live')",
        (bytes.fromhex(name.rsplit("/", 1)[1]), SPACE, size),
    )


def test_what_is_nowhere_stays_noted_and_is_never_served(house):
    house.put("a", noise(1, 900_000))
    house.put("b", noise(2, 900_000))
    victim = packs_of(house)[0]
    house.flip(victim, 3_000)
    scrub(house)
    outcome = repair(house)

    assert outcome["chunks_left"] == 1
    readable = 0
    for name in "ab":
        try:
            readable += house.get(name) == house.contents[name][1]
        except ContentDamaged:
            continue
    assert readable == 1


def test_an_interrupted_scrub_goes_on_where_it_stopped(house):
    class Stopped(Exception):
        pass

    class Impatient(Quiet):
        left = 3

        def keep(self, checkpoint):
            super().keep(checkpoint)
            self.left -= 1

        def check(self):
            if not self.left:
                raise Stopped

    for number in range(6):
        house.put(f"{number}", noise(number, 5_000))
    progress = Impatient()
    with pytest.raises(Stopped):
        scrub(house, progress)
    progress.left = -1

    assert scrub(house, progress)["packs"] == 6


def test_a_pack_that_gc_removes_meanwhile_is_no_damage(house):
    for number in range(4):
        house.put(f"{number}", noise(number, 5_000))

    class Collecting(Quiet):
        def keep(self, checkpoint):
            if len(packs_of(house)) == 4:
                for name in packs_of(house):
                    house.backend.delete(name)
                house.write(lambda sql, _: sql.execute("UPDATE pack SET state = 'dead'"))

    outcome = scrub(house, Collecting())

    assert (outcome["missing_packs"], outcome["damaged_packs"]) == (0, 0)


def test_scrub_keeps_its_pace(house):
    from cloudconnect.kernel.clock import monotonic

    house.put("a", noise(1, 400_000))
    began = monotonic()
    scrub(house, bytes_per_second="2000000")

    assert monotonic() - began > 0.35
