"""Gc takes what nothing needs, all of it in the end, and nothing else, whatever happens beside it."""

import random
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloudconnect.storage import index, life
from cloudconnect.storage.errors import ChunksMissing, ContentDamaged
from tests.storage.house import SPACE, build, noise

SIZES = (10, 3_000, 400_000)


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    yield made
    made.close()


def test_what_a_version_needs_stays_and_the_rest_goes(house):
    house.put("kept", noise(1, 3 << 20))
    house.put("gone", noise(2, 3 << 20))
    house.put("small and kept", b"small")
    house.put("small and gone", b"also small")
    before = house.stored_bytes()
    house.delete("gone")
    house.delete("small and gone")

    outcome = house.collect_all()

    assert house.get("kept") == noise(1, 3 << 20)
    assert house.get("small and kept") == b"small"
    assert outcome["chunks_removed"] > 5
    assert before - house.stored_bytes() > 0.95 * (3 << 20)


def test_nothing_goes_before_its_time(house):
    house.put("gone", noise(1, 1 << 20))
    manifest, data = house.delete("gone")
    house.collect(grace_seconds=10)
    house.wait(9)
    house.collect(grace_seconds=10)

    assert b"".join(house.repository.read(SPACE, manifest)) == data


def test_a_download_that_is_open_keeps_what_it_reads(house):
    house.put("gone", noise(1, 9 << 20))
    manifest, data = house.delete("gone")
    download = house.repository.read(SPACE, manifest)
    first = next(download)
    house.collect_all()

    assert first + b"".join(download) == data
    house.wait(10)
    house.collect_all()
    with pytest.raises(ContentDamaged):
        b"".join(house.repository.read(SPACE, manifest))


def test_what_comes_again_while_it_is_condemned_stays(house):
    house.put("one", noise(1, 2 << 20))
    house.delete("one")
    house.collect(grace_seconds=1)
    house.put("two", noise(1, 2 << 20))
    house.wait(2)
    house.collect(grace_seconds=1)

    assert house.get("two") == noise(1, 2 << 20)


def test_an_upload_under_way_keeps_what_it_counts_on(house):
    house.put("one", noise(1, 2 << 20))
    house.delete("one")
    content = house.repository.write(SPACE, [noise(1, 2 << 20)])
    house.collect_all()
    house.write(lambda sql, _: index.settle(sql, content))

    assert b"".join(house.repository.read(SPACE, content.manifest)) == noise(1, 2 << 20)


def test_content_whose_chunks_went_is_refused_and_can_be_sent_again(house):
    house.put("one", noise(1, 2 << 20))
    content = house.repository.write(SPACE, [noise(1, 2 << 20)])
    house.delete("one")
    house.write(lambda sql, _: sql.execute("DELETE FROM chunk"))
    with pytest.raises(ChunksMissing):
        house.write(lambda sql, _: index.settle(sql, content))
    house.put("one", noise(1, 2 << 20))

    assert house.get("one") == noise(1, 2 << 20)


def test_many_small_packs_become_few(house):
    for number in range(40):
        house.put(f"file {number}", b"%d" % number)
    packs = len(list(house.backend.names()))
    outcome = house.collect()

    assert (packs, outcome["chunks_moved"], len(list(house.backend.names()))) == (40, 40, 1)
    assert all(house.get(f"file {number}") == b"%d" % number for number in range(40))


def put_batch(house):
    """Store eight contents in one pack, of which versions hold two."""
    batch = [noise(seed, 100_000) for seed in range(8)]
    ingest = house.repository.writer.begin(SPACE)
    house.repository.writer.store(ingest.take(batch))
    content = house.repository.writer.finish_many(ingest).result()
    house.write(lambda sql, _: index.settle(sql, content))
    for number, entry in enumerate(ingest.entries[:2]):
        house.write(
            lambda sql, _, number=number, entry=entry: sql.execute(
                "INSERT INTO version VALUES (?, ?, ?)", (f"v{number}", b"\x01", entry.content_id[:16])
            )
        )


def test_a_sparse_pack_is_rewritten(house):
    put_batch(house)
    before = house.stored_bytes()
    house.collect_all()

    assert house.stored_bytes() < before / 3
    assert len(house.read(lambda sql: sql.rows("SELECT key FROM chunk"))) == 2


def test_a_little_garbage_in_every_pack_is_won_back(house):
    for number in range(300):
        house.put(f"file {number}", noise(number, 10_000))
    house.collect_all()
    needed = house.stored_bytes()
    uses = house.read(life.find_pack_uses)
    for number in range(0, 300, 8):
        house.delete(f"file {number}")

    house.collect_all()

    assert 1 < len(uses) < 10
    assert {use.dead_bytes for use in uses} == {0}
    assert house.stored_bytes() < needed * 7 / 8 * 1.03


def test_a_reader_follows_a_chunk_that_moves(house):
    for number in range(20):
        house.put(f"file {number}", noise(number, 5_000))
    reading = house.repository.reader.open(SPACE, house.contents["file 3"][0])
    window = reading.next_window()
    house.collect()

    assert b"".join(reading.fetch(window)) == noise(3, 5_000)


def test_a_damaged_record_is_not_copied(house):
    for number in range(20):
        house.put(f"file {number}", noise(number, 5_000))
    name = next(iter(house.backend.names()))[0]
    house.flip(name, 300)

    outcome = house.collect()

    assert (outcome["chunks_moved"], outcome["chunks_damaged"]) == (19, 1)
    assert house.backend.size(name) is not None


class Worker(threading.Thread):
    """Puts, deletes and reads its own files, some of whose contents others have as well."""

    def __init__(self, house, seed):
        super().__init__()
        self.house, self.seed = house, seed
        self.mine = {}
        self.failures = []

    def run(self):
        chance = random.Random(self.seed)
        try:
            for turn in range(60):
                self.put(f"{self.seed}/{chance.randrange(6)}", noise(chance.randrange(12), chance.choice(SIZES)))
                if turn % 3 == 0:
                    gone = chance.choice(sorted(self.mine))
                    self.house.delete(gone)
                    del self.mine[gone]
                self.failures += [name for name, data in self.mine.items() if self.house.get(name) != data]
        except Exception as error:
            self.failures.append(error)
            raise

    def put(self, name, data):
        try:
            self.house.put(name, data)
        except ChunksMissing:
            self.house.put(name, data)
        self.mine[name] = data


@pytest.mark.slow
def test_gc_beside_uploads_downloads_and_deletions_loses_nothing(house):
    until = threading.Event()

    def collect():
        while not until.is_set():
            house.wait(1)
            house.collect(grace_seconds=2)

    collector = threading.Thread(target=collect)
    workers = [Worker(house, seed) for seed in range(3)]
    for thread in (collector, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    until.set()
    collector.join()

    assert [failure for worker in workers for failure in worker.failures] == []
    for name in list(house.contents):
        house.delete(name)
    house.wait(100)
    house.collect_all()
    assert not list(house.backend.names())


class Collected(RuleBasedStateMachine):
    """Any order of puts, deletions, gc and the passing of time, against a dictionary."""

    @initialize()
    def build(self):
        self.place = tempfile.TemporaryDirectory()
        self.house = build(Path(self.place.name))
        self.expected = {}

    @rule(name=st.sampled_from("abcd"), seed=st.integers(0, 3), size=st.sampled_from([0, 7, 70_000, 600_000]))
    def put(self, name, seed, size):
        self.expected[name] = noise(seed, size)
        self.house.put(name, self.expected[name])

    @rule(name=st.sampled_from("abcd"))
    def delete(self, name):
        if self.expected.pop(name, None) is not None:
            self.house.delete(name)

    @rule(seconds=st.sampled_from([0, 1, 5]))
    def collect(self, seconds):
        self.house.wait(seconds)
        self.house.collect(grace_seconds=2)

    @invariant()
    def everything_is_there(self):
        for name, data in self.expected.items():
            assert self.house.get(name) == data

    def teardown(self):
        for name in list(self.expected):
            self.house.delete(name)
        self.house.wait(100)
        self.house.collect_all()
        assert not list(self.house.backend.names())
        self.house.close()
        self.place.cleanup()


TestCollected = Collected.TestCase
TestCollected.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
