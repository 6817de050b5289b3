"""Packs that no row names are told by scrub, and set aside by gc once nobody can be about to name them."""

import pytest

from cloudconnect.storage.scrub import Scrub
from tests.storage.house import SPACE, Quiet, build, noise


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    yield made
    made.close()


def refuse_upload(house, seed):
    """Store a content that then is refused: what it left is durable, and no row names it."""
    before = dict(house.backend.names())
    house.repository.write(SPACE, [noise(seed, 300_000)])
    return dict(house.backend.names()).keys() - before.keys()


def scrub(house):
    outcome = Scrub(house.repository, house, 1 << 20).run({}, Quiet())
    return outcome["unknown_packs"], outcome["unknown_bytes"]


def test_what_a_refused_upload_left_is_told_and_set_aside_after_the_time_of_grace(house):
    house.put("kept", noise(1, 700_000))
    (left,) = refuse_upload(house, 2)
    size = house.backend.size(left)
    assert scrub(house) == (1, size)
    gc = collector(house)
    assert gc()["packs_set_aside"] == 0
    house.wait(9)
    assert gc()["packs_set_aside"] == 0
    house.wait(1)

    outcome = gc()

    assert (outcome["packs_set_aside"], outcome["set_aside_bytes"]) == (1, size)
    assert [orphan.name for orphan in house.backend.orphans()] == [left]
    assert scrub(house) == (0, 0)
    assert house.get("kept") == noise(1, 700_000)


def collector(house):
    """Return what runs one and the same gc, whose time of grace is ten seconds."""
    gc = house.collector(grace_seconds=10)
    return lambda: gc.run({}, Quiet())


def test_what_an_upload_under_way_has_stored_stays(house):
    content = house.repository.write(SPACE, [noise(3, 300_000)])
    gc = collector(house)
    gc()
    house.wait(100)

    assert gc()["packs_set_aside"] == 0
    assert scrub(house) == (0, 0)
    assert content.packs


def test_a_pack_that_is_put_but_not_yet_named_is_no_stranger(house, monkeypatch):
    seen = []
    put = house.backend.put

    def put_and_look(name, spool):
        put(name, spool)
        seen.append(scrub(house))

    monkeypatch.setattr(house.backend, "put", put_and_look)
    house.put("kept", noise(4, 300_000))

    assert seen == [(0, 0)]


def test_nothing_is_set_aside_while_packs_are_copied(house):
    refuse_upload(house, 5)
    gc = house.collector(grace_seconds=10)
    gc.run({}, Quiet())
    house.wait(100)

    with gc.hold():
        assert gc.run({}, Quiet())["packs_set_aside"] == 0
    assert gc.run({}, Quiet())["packs_set_aside"] == 1
