"""The whole engine over buckets: what is written is read, survives a start, and moves to another place."""

import dataclasses
from functools import partial

import pytest
from fixtures import det
from houses import House
from test_migrate import BACK, FORTH, Patience, Rows

from cloudconnect.storage import index, places
from cloudconnect.storage.backends.cache import CachedBackend
from cloudconnect.storage.backends.connect import connect
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.objects import ObjectBackend
from cloudconnect.storage.errors import BackendUnreachable
from cloudconnect.storage.migrate import Migration
from cloudconnect.storage.packs import pack_id_of
from cloudconnect.storage.probe import probe

pytestmark = pytest.mark.slow

SIZES = (0, 100, 700_000, 3_000_000)


@pytest.fixture
def bucket(place, tmp_path):
    return CachedBackend(ObjectBackend(connect(place)), tmp_path / "cache", 8 << 20)


@pytest.fixture
def housed(bucket, tmp_path):
    made = House(tmp_path / "home", pack_bytes=1 << 20)
    made.local = made.backend.inner
    made.backend.inner = bucket
    yield made
    made.close()


def test_what_is_written_is_read_and_survives_a_start(housed, bucket):
    contents = {size: housed.write(det(size, "engine")) for size in SIZES}
    report = housed.repository.recover(lambda: housed.index.write(index.known_packs))

    assert {size: housed.read(content) for size, content in contents.items()} == {
        size: det(size, "engine") for size in SIZES
    }
    assert (report.damaged, report.orphans) == ((), ())
    assert housed.packs() == housed.spools() == []
    assert len(list(bucket.names())) > 2


def test_a_start_sets_unknown_packs_aside_and_tells_of_missing_ones(housed, bucket):
    housed.write(det(100, "kept"))
    (known,) = dict(bucket.names())
    housed.store(det(200, "never settled"))

    first = housed.repository.recover(lambda: housed.index.write(index.known_packs))
    bucket.delete(known)
    second = housed.repository.recover(lambda: housed.index.write(index.known_packs))

    assert (len(first.orphans), first.damaged) == (1, ())
    assert [pack.pack_id for pack in second.damaged] == [pack_id_of(known)[1]]


def test_packs_move_from_the_disk_to_a_bucket_and_back(housed, bucket):
    fleet = FleetBackend(
        housed.local, lambda name: housed.index.write(partial(places.find_place, pack_id=pack_id_of(name)[1]))
    )
    fleet.add("other", bucket)
    housed.backend.inner = fleet
    contents = {size: housed.write(det(size, "engine")) for size in SIZES}
    migration = Migration(fleet, housed.repository.spool, Rows(housed.index))

    for parameters in (FORTH, BACK):
        migration.run(parameters, Patience())
        assert list(fleet.backends[parameters["source"]].names()) == []
        for size, content in contents.items():
            assert housed.read(content) == det(size, "engine")


def test_an_upload_is_refused_while_the_bucket_is_away_and_nothing_is_lost(housed, place):
    content = housed.write(det(5000, "before"))
    there = housed.backend.inner
    away = dataclasses.replace(place, endpoint="http://127.0.0.1:9/away")
    from cloudconnect.storage.backends.retry import Retry

    housed.backend.inner = ObjectBackend(connect(away), Retry(total_seconds=0.05, first_seconds=0.01))
    with pytest.raises(BackendUnreachable):
        housed.store(det(6000, "meanwhile"))
    housed.backend.inner = there

    assert housed.read(content) == det(5000, "before")
    assert housed.read(housed.write(det(6000, "meanwhile"))) == det(6000, "meanwhile")
    assert housed.health.is_writable


def test_a_trial_leaves_nothing_behind(bucket, tmp_path):
    result = probe(bucket, tmp_path)

    assert result["put_bytes_per_second"] > 0
    assert list(bucket.names()) == []
