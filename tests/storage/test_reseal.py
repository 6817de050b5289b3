"""After a reseal every chunk is sealed with the newest key, reads the same, and the old packs can go."""

import pytest

from cloudconnect.storage import packs
from cloudconnect.storage.errors import NoDomain
from cloudconnect.storage.reseal import Reseal
from tests.storage.house import SPACE, Quiet, build, noise


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    yield made
    made.close()


class Impatient(Quiet):
    """Ends the work at the *limit*-th look."""

    def __init__(self, limit):
        super().__init__()
        self.left = limit

    def check(self):
        self.left -= 1
        if self.left < 0:
            raise InterruptedError


def rotate(house):
    house.repository.keyring.add_epoch(SPACE)
    house.repository.writer.renew(SPACE)


def epochs(house):
    keys = house.repository.keyring.domain(SPACE)
    return [packs.epoch_of(Stored(house.backend, name), keys) for name, _ in house.backend.names()]


class Stored:
    def __init__(self, backend, name):
        self.backend, self.name = backend, name
        self.size = backend.size(name)

    def read(self, offset, length):
        return self.backend.read(self.name, offset, length)


def reseal(house, progress=None):
    return Reseal(house.repository, house, 1 << 20).run(SPACE, progress or Quiet())


def test_new_data_is_sealed_with_the_new_key_and_old_data_stays_readable(house):
    house.put("old", noise(1, 300_000))
    rotate(house)
    house.put("new", noise(2, 300_000))
    house.put("same", noise(1, 300_000))

    assert sorted(epochs(house)) == [1, 2]
    for name, (_, data) in house.contents.items():
        assert house.get(name) == data


def test_after_new_naming_keys_all_reads_the_same_and_nothing_is_shared_with_what_was_there(house):
    house.put("old", noise(1, 3_000_000))
    house.put("small", b"a few words")
    before = house.stored_bytes()
    house.repository.keyring.replace_naming(SPACE)
    house.repository.writer.renew(SPACE)
    house.put("same", noise(1, 3_000_000))
    house.put("again", noise(1, 3_000_000))

    assert 1.9 * before < house.stored_bytes() < 2.1 * before
    reseal(house)
    house.delete("again")
    house.collect_all()
    rotate(house)
    reseal(house)
    for name, (_, data) in house.contents.items():
        assert house.get(name) == data


def test_everything_is_sealed_anew_and_reads_the_same(house):
    for number in range(6):
        house.put(f"noise {number}", noise(number, 700_000))
        house.put(f"text {number}", b"words and words again " * 20_000 + bytes([number]))
    rotate(house)

    counts = reseal(house)
    house.collect_all()

    assert counts["chunks"] > 6
    assert counts["damaged_chunks"] == 0
    assert set(epochs(house)) == {2}
    for name, (_, data) in house.contents.items():
        assert house.get(name) == data
    assert reseal(house) == {"chunks": 0, "damaged_chunks": 0}


def test_an_interrupted_run_goes_on(house):
    for number in range(8):
        house.put(str(number), noise(number, 700_000))
    rotate(house)
    progress = Impatient(20)

    with pytest.raises(InterruptedError):
        reseal(house, progress)
    assert 1 in epochs(house)
    again = Quiet()
    again.checkpoint = progress.checkpoint
    reseal(house, again)
    house.collect_all()

    assert set(epochs(house)) == {2}
    assert all(house.get(name) == data for name, (_, data) in house.contents.items())


def test_a_damaged_chunk_is_counted_and_stays_where_it_is(house):
    house.put("file", noise(1, 300_000))
    rotate(house)
    ((name, _),) = house.backend.names()
    house.flip(name, 1_000)

    assert reseal(house)["damaged_chunks"] == 1


def test_an_upload_under_way_ends_with_the_keys_it_began_with(house):
    ingest = house.repository.writer.begin(SPACE)
    house.repository.writer.store(ingest.cut([noise(1, 2_000_000)], is_last=False))
    rotate(house)
    house.put("new", noise(2, 300_000))
    house.repository.writer.store(ingest.cut([noise(3, 300_000)], is_last=True))
    content = house.repository.writer.finish(ingest).result()
    ingest.end()

    assert {1, 2} == set(epochs(house))
    assert content.size == 2_300_000


def test_a_space_without_keys_is_refused(house):
    with pytest.raises(NoDomain):
        Reseal(house.repository, house, 1 << 20).run(bytes([9]) * 16, Quiet())
