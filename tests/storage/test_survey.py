"""A dry run of gc tells exactly what gc then does, and changes nothing."""

import pytest

from cloudconnect.storage.gc import Gc, GcOptions
from tests.storage.house import SPACE, Quiet, Versions, build, noise

TABLES = ("pack", "chunk", "piece", "condemned", "version")


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    yield made
    made.close()


def survey(house, grace_seconds=0):
    gc = Gc(house.repository, house, [Versions()], GcOptions(pack_bytes=1 << 20))
    return gc.run({"dry_run": "yes", "grace_seconds": str(grace_seconds)}, Quiet())


def everything(house):
    rows = [house.read(lambda sql, name=name: sql.rows(f"SELECT * FROM {name}")) for name in TABLES]
    return rows, dict(house.backend._objects)


def litter(house):
    house.put("kept", noise(1, 2 << 20))
    house.put("mixed", noise(2, 900_000) + noise(1, 2 << 20))
    house.put("gone", noise(3, 3 << 20))
    house.put("small", b"a few bytes")
    house.delete("gone")
    house.delete("mixed")


def test_nothing_is_garbage_while_everything_is_held(house):
    house.put("a", noise(1, 3 << 20))

    outcome = survey(house)

    assert (outcome["chunks_garbage"], outcome["garbage_bytes"], outcome["packs_to_remove"]) == (0, 0, 0)


def test_it_changes_nothing(house):
    litter(house)
    before = everything(house)

    survey(house)

    assert everything(house) == before


def test_it_tells_what_gc_then_removes(house):
    litter(house)
    told = survey(house)

    done = house.collect_all()

    assert told["chunks_garbage"] == done["chunks_removed"] > 0
    assert told["garbage_bytes"] == done["removed_bytes"] > 0
    assert (told["chunks_removable"], told["removable_bytes"]) == (0, 0)


def test_what_was_condemned_long_enough_may_go_now(house):
    litter(house)
    house.collect(grace_seconds=1000)
    told = survey(house, grace_seconds=1000)
    house.wait(1001)

    later = survey(house, grace_seconds=1000)

    assert told["chunks_removable"] == 0
    assert later["chunks_removable"] == later["chunks_garbage"] == told["chunks_garbage"] > 0


def test_packs_that_empty_and_packs_that_are_repacked_are_told_apart(house):
    litter(house)
    told = survey(house)
    live = {row[0] for row in house.read(lambda sql: sql.rows("SELECT id FROM pack WHERE state = 'live'"))}
    sparse = {row[0] for row in house.read(lambda sql: sql.rows("SELECT id FROM pack"))}

    house.collect_all()
    left = {row[0] for row in house.read(lambda sql: sql.rows("SELECT id FROM pack WHERE state = 'live'"))}

    assert sparse == live
    assert len(live - left) == told["packs_to_remove"] + told["packs_to_repack"]
    assert told["packs_to_remove"] > 0


def test_what_an_older_release_left_unlisted_is_no_garbage(house):
    house.put("a", noise(1, 3 << 20))
    house.write(lambda sql, _: sql.execute("DELETE FROM piece"))

    assert survey(house)["chunks_garbage"] == 0


def test_what_an_upload_under_way_counts_on_is_no_garbage(house):
    house.put("a", b"one chunk")
    house.delete("a")
    before = survey(house)["chunks_garbage"]
    ingest = house.repository.writer.begin(SPACE)
    house.repository.writer.store(ingest.cut([b"one chunk"], is_last=True))

    during = survey(house)["chunks_garbage"]
    ingest.end()

    assert (before, during) == (1, 0)
