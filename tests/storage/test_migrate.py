"""Packs move from one backend to another while people read and write; nothing is ever missing."""

import threading
from functools import partial

import pytest
from backend import BackendSuite
from fixtures import det
from houses import House

from cloudconnect.storage import index, places
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.disk import Health
from cloudconnect.storage.migrate import Migration, UnknownBackend
from cloudconnect.storage.packs import pack_id_of

FORTH, BACK = {"source": "main", "target": "other"}, {"source": "other", "target": "main"}


class Stopped(Exception):
    """The run was interrupted."""


class Patience:
    """Progress that stops the run at the check of this number."""

    checkpoint = ""

    def __init__(self, checks=1 << 30):
        self.checks = checks

    def report(self, done, total, note=""):
        assert done <= total

    def keep(self, checkpoint):
        raise AssertionError

    def check(self):
        if not self.checks:
            raise Stopped
        self.checks -= 1


class Rows:
    """The rows, as the migration sees them."""

    def __init__(self, rows):
        self._rows = rows

    def read(self, ask):
        return self._rows.write(ask)

    def write(self, change):
        return self._rows.write(lambda sql: change(sql, 0))


class TestFleet(BackendSuite):
    @pytest.fixture
    def backend(self, tmp_path):
        fleet = FleetBackend(MemoryBackend(), lambda name: None)
        (tmp_path / "other" / "packs").mkdir(parents=True)
        fleet.add("other", LocalBackend(tmp_path / "other", Health(), is_elsewhere=True))
        fleet.aim("other")
        return fleet

    def test_what_is_put_lies_in_the_target(self, backend, tmp_path):
        self.put(backend, tmp_path)

        assert backend.place_of(self.NAME) == "other"
        assert list(backend.backends["main"].names()) == []


@pytest.fixture
def moving(tmp_path):
    """A house of two backends, some contents in the first, and the migration between them."""
    house = House(tmp_path / "home", pack_bytes=1 << 20)

    def lookup(name):
        found = pack_id_of(name)
        return found and house.index.write(partial(places.find_place, pack_id=found[1]))

    house.fleet = FleetBackend(house.backend.inner, lookup)
    (tmp_path / "other").mkdir()
    other = LocalBackend(tmp_path / "other", Health(), is_elsewhere=True)
    other.mark()
    house.fleet.add("other", other)
    house.backend.inner = house.fleet
    house.migration = Migration(house.fleet, house.repository.spool, Rows(house.index))
    house.contents = {size: house.write(det(size, "content")) for size in (100, 700_000, 4_000_000)}
    yield house
    house.close()


def assert_all_is_there(house):
    for size, content in house.contents.items():
        assert house.read(content) == det(size, "content")


def names(house, place):
    return sorted(name for name, _ in house.fleet.backends[place].names())


def rows(house):
    return {pack.backend for pack in house.index.write(index.known_packs)}


def test_all_packs_move_and_new_ones_go_to_the_target(moving):
    before = names(moving, "main")

    result = moving.migration.run(FORTH, Patience())
    moving.contents[5000] = moving.write(det(5000, "content"))

    assert result["packs_moved"] == len(before) > 2
    assert names(moving, "main") == []
    assert set(before) < set(names(moving, "other"))
    assert rows(moving) == {"other"}
    assert_all_is_there(moving)


def test_a_migration_can_be_reversed(moving):
    before = names(moving, "main")
    moving.migration.run(FORTH, Patience())

    moving.migration.run(BACK, Patience())

    assert names(moving, "main") == before
    assert names(moving, "other") == []
    assert_all_is_there(moving)


@pytest.mark.slow
def test_a_migration_may_stop_anywhere_and_goes_on(moving):
    stops, is_done = 0, False
    while not is_done:
        try:
            moving.migration.run(FORTH, Patience(checks=1 + stops % 4))
            is_done = True
        except Stopped:
            stops += 1
        assert_all_is_there(moving)
        assert moving.spools() == []

    assert stops > 3
    assert names(moving, "main") == []
    assert rows(moving) == {"other"}


@pytest.mark.slow
def test_people_read_and_write_meanwhile(moving):
    failures, is_over = [], threading.Event()

    def read():
        while not is_over.is_set():
            try:
                assert_all_is_there(moving)
            except Exception as error:  # noqa: BLE001 - told by the thread that waits
                failures.append(error)

    def write():
        for number in range(6):
            moving.contents = moving.contents | {number + 50: moving.write(det(number + 50, "content"))}

    threads = [threading.Thread(target=read), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for parameters in (FORTH, BACK, FORTH):
        moving.migration.run(parameters, Patience())
    is_over.set()
    for thread in threads:
        thread.join()
    # What was put just before the target changed is met by one more run.
    moving.migration.run(FORTH, Patience())

    assert failures == []
    assert names(moving, "main") == []
    assert_all_is_there(moving)


def test_a_pack_that_is_not_what_it_was_stays_and_is_counted(moving):
    path = moving.packs()[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    result = moving.migration.run(FORTH, Patience())

    assert result["packs_damaged"] == 1
    assert len(names(moving, "main")) == 1
    assert rows(moving) == {"main", "other"}


def test_old_copies_that_a_crash_left_are_removed_by_the_next_run(moving):
    delete = moving.fleet.backends["main"].delete

    def crash(name):
        raise Stopped

    moving.fleet.backends["main"].delete = crash
    with pytest.raises(Stopped):
        moving.migration.run(FORTH, Patience())
    moving.fleet.backends["main"].delete = delete
    assert set(names(moving, "main")) & set(names(moving, "other"))

    moving.migration.run(FORTH, Patience())

    assert names(moving, "main") == []
    assert_all_is_there(moving)


def test_a_pack_that_gc_ends_meanwhile_does_not_come_back(moving):
    put = moving.fleet.backends["other"].put

    def put_and_end(name, spool):
        put(name, spool)
        moving.index.write(
            lambda sql: sql.execute("UPDATE pack SET state = 'dead' WHERE id = ?", (pack_id_of(name)[1],))
        )

    moving.fleet.backends["other"].put = put_and_end
    moving.migration.run(FORTH, Patience())

    assert names(moving, "main") == names(moving, "other") == []


@pytest.mark.parametrize(
    "parameters", [{}, {"source": "main", "target": "main"}, {"source": "main", "target": "nowhere"}]
)
def test_only_known_and_different_backends_are_taken(moving, parameters):
    with pytest.raises(UnknownBackend):
        moving.migration.run(parameters, Patience())
