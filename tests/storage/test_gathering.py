"""Many contents in one reading: in the order of packs, few reads, and damage that stays where it is."""

import pytest

from cloudconnect.storage import index, manifest
from cloudconnect.storage.errors import ContentDamaged
from cloudconnect.storage.gathering import Gathering
from tests.storage.house import SPACE, build, noise


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path / "home")
    yield made
    made.close()


def gather(house, manifests):
    gathering = Gathering(house.repository.reader, SPACE, manifests)
    portions = list(iter(gathering.next, []))
    return portions, dict(pair for portion in portions for pair in portion)


def put_together(house, raws):
    """Store small contents in one pack; return their manifests."""
    writer = house.repository.writer
    ingest = writer.begin(SPACE)
    writer.store(ingest.take(raws))
    writer.finish_many(ingest)
    content = ingest.future.result()
    house.write(lambda sql, _: index.settle(sql, content))
    return [manifest.write_one(entry) for entry in ingest.entries], content


def test_every_content_comes_back_once_however_it_is_stored(house):
    raws = [noise(seed, 3_000 + seed) for seed in range(300)]
    manifests, _ = put_together(house, raws)
    house.put("large", noise(1, 3_000_000))
    asked = [*manifests, house.contents["large"][0], b"\x00", manifests[5]]

    _, found = gather(house, asked)

    assert [found[place] for place in range(len(asked))] == [*raws, noise(1, 3_000_000), b"", raws[5]]


def test_neighbours_are_read_at_once_and_no_portion_is_large(house, monkeypatch):
    raws = [noise(seed, 10_000) for seed in range(300)]
    manifests, _ = put_together(house, raws)
    reads = []
    read = house.backend.read
    monkeypatch.setattr(house.backend, "read", lambda *place: reads.append(place) or read(*place))

    portions, found = gather(house, manifests[::-2])

    assert len(found) == 150
    assert len(reads) <= 4
    assert max(sum(len(raw) for _, raw in portion) for portion in portions) < (1 << 20) + 10_001


def test_damage_is_told_of_what_is_damaged_and_of_nothing_else(house):
    raws = [noise(seed, 5_000) for seed in range(20)]
    manifests, content = put_together(house, raws)
    place = content.chunks[7].place
    broken = next(number for number, each in enumerate(manifests) if content.chunks[7].key == each[1:17])
    house.flip(next(name for name, _ in house.backend.names()), place.offset + place.length // 2)

    _, found = gather(house, manifests)

    assert isinstance(found.pop(broken), ContentDamaged)
    assert found == {number: raw for number, raw in enumerate(raws) if number != broken}
    assert house.read(lambda sql: sql.rows("SELECT key FROM damaged")) == [(content.chunks[7].key,)]


def test_what_is_nowhere_or_no_manifest_is_told(house):
    (here,), _ = put_together(house, [b"here"])
    gone = b"\x01" + bytes(32) + (4).to_bytes(8, "big")
    wrong_size = here[:-1] + b"\x05"

    _, found = gather(house, [gone, here, b"nonsense", wrong_size])

    assert found.pop(1) == b"here"
    assert all(isinstance(each, ContentDamaged) for each in found.values())
    assert len(found) == 3


def test_gc_knows_of_what_is_being_gathered(house):
    (here,), _ = put_together(house, [b"here"])
    gathering = Gathering(house.repository.reader, SPACE, [here])

    assert house.repository.reader.oldest_open_ms() == gathering.opened_ms
