"""What goes in comes out, once, durable, and nothing that was changed is ever served."""

import os
import resource
import threading

import pytest
from fixtures import det
from houses import OTHER_SPACE, SPACE, House
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.storage import index
from cloudconnect.storage.errors import ChunksMissing, ContentDamaged, NoDomain, StoreFull, StoreReadOnly

LARGE = det(9 << 20, "large")


@pytest.mark.parametrize("size", [0, 1, 4096, 128 << 10, (128 << 10) + 1, 5 << 20])
def test_what_is_written_can_be_read(house, size):
    content = house.write(LARGE[:size])

    assert house.read(content) == LARGE[:size]
    assert content.size == size


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(LARGE)), st.integers(0, 1 << 20))
def test_any_range_can_be_read(house, start, length):
    content = house.write(LARGE)

    assert house.read(content, start=start, stop=start + length) == LARGE[start : start + length]


def test_a_range_reads_only_the_chunks_that_hold_it(house):
    content = house.write(LARGE)
    reads = []
    real = house.backend.inner.read
    house.backend.read = lambda name, offset, length: reads.append(length) or real(name, offset, length)

    house.read(content, start=5 << 20, stop=(5 << 20) + 10)

    assert sum(reads) < 3 << 20


def test_the_same_content_is_stored_once(house):
    first = house.write(LARGE)
    second = house.write(LARGE)

    assert second.stored_bytes == 0
    assert second.reused_bytes == second.size == len(LARGE)
    assert second.manifest == first.manifest
    assert house.read(second) == LARGE


def test_a_small_edit_stores_little(house):
    house.write(LARGE)

    edited = house.write(LARGE[: 4 << 20] + b"edit" + LARGE[4 << 20 :])

    assert edited.stored_bytes < 3 << 20
    assert edited.reused_bytes > 5 << 20


def test_repeats_inside_one_stream_are_stored_once(house):
    content = house.write(bytes(40 << 20))

    assert content.stored_bytes < 1 << 20
    assert content.stored_bytes + content.reused_bytes >= 32 << 20
    assert house.read(content, start=(40 << 20) - 5) == bytes(5)


def test_nothing_is_shared_between_spaces(house):
    house.write(LARGE)

    other = house.write(LARGE, OTHER_SPACE)

    assert other.reused_bytes == 0
    assert house.read(other, OTHER_SPACE) == LARGE


def test_a_manifest_does_not_open_in_another_space(house):
    content = house.write(b"secret")

    with pytest.raises(ContentDamaged):
        house.read(content, OTHER_SPACE)


def test_a_space_without_keys_takes_nothing(house):
    with pytest.raises(NoDomain):
        house.store(b"data", bytes(16))


def test_the_plain_text_is_nowhere_on_disk(house):
    content = house.write(b"a very particular sentence " * 10)

    files = b"".join(path.read_bytes() for path in house.home.rglob("*") if path.is_file())
    assert b"particular" not in files
    assert content.sha256 not in files


def test_a_content_whose_chunk_is_gone_is_not_settled(house):
    house.write(b"data")
    content = house.store(b"data")
    house.index.write(lambda sql: sql.execute("DELETE FROM chunk"))

    with pytest.raises(ChunksMissing):
        house.index.settle(content)


def test_a_content_whose_pack_is_dead_is_not_settled(house):
    content = house.write(b"data")
    house.index.write(lambda sql: sql.execute("UPDATE pack SET state = 'dead'"))

    with pytest.raises(ChunksMissing):
        house.index.settle(content)


def test_storing_again_heals_what_a_damaged_pack_held(house):
    first = house.write(b"data")
    house.packs()[0].unlink()
    house.index.write(lambda sql: index.mark_damaged(sql, [first.packs[0].pack_id]))

    second = house.write(b"data")

    assert second.reused_bytes == 0
    assert house.read(first) == b"data"


def test_settling_twice_changes_nothing(house):
    content = house.write(LARGE)

    house.index.settle(content)

    assert house.read(content) == LARGE


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda path: path.unlink(), id="gone"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:100]), id="cut off"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[::-1]), id="other bytes"),
    ],
)
def test_damage_is_told_and_no_wrong_byte_is_served(house, harm):
    content = house.write(b"data")
    harm(house.packs()[0])

    with pytest.raises(ContentDamaged):
        house.read(content)


def test_no_flipped_bit_of_a_record_is_served(house):
    content = house.write(b"some data")
    path, place = house.packs()[0], content.chunks[0].place
    whole = path.read_bytes()
    outcomes = set()

    for bit in range(place.offset * 8, (place.offset + place.length) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        outcomes.add(_outcome(house, content))

    assert outcomes == {"damaged"}


@pytest.mark.parametrize("manifest", [b"", b"\x01", b"\x09" * 41, b"\x02\x09" + bytes(40)])
def test_what_is_no_manifest_is_damaged(house, manifest):
    with pytest.raises(ContentDamaged):
        list(house.repository.read(SPACE, manifest))


def test_many_at_once_share_packs_and_all_come_back(house):
    datas = [det(3000, f"file {number}") for number in range(40)]
    contents = {}
    house.backend.gate.clear()

    threads = [threading.Thread(target=lambda d=data: contents.update({d: house.store(d)})) for data in datas]
    for thread in threads:
        thread.start()
    _wait_until(lambda: len(house.repository.writer._domains[SPACE].pending) == 40)
    house.backend.gate.set()
    for thread in threads:
        thread.join()
    for content in contents.values():
        house.index.settle(content)

    assert house.backend.puts <= 5
    assert [house.read(contents[data]) for data in datas] == datas


def test_an_upload_may_count_on_what_another_is_still_writing(house):
    house.backend.gate.clear()
    contents = []
    threads = [threading.Thread(target=lambda: contents.append(house.store(b"the same"))) for _ in range(2)]
    threads[0].start()
    _wait_until(lambda: SPACE in house.repository.writer._domains and house.repository.writer._domains[SPACE].pending)
    threads[1].start()
    house.backend.gate.set()
    for thread in threads:
        thread.join()
    house.index.settle(contents[1])

    assert house.read(contents[1]) == b"the same"


def test_an_idle_engine_holds_no_domain_and_no_spool(house):
    house.write(LARGE)

    _wait_until(lambda: not house.repository.writer._domains)
    assert house.spools() == []


def test_an_upload_that_is_given_up_leaves_nothing_open(house):
    def broken():
        yield LARGE[: 5 << 20]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        house.repository.write(SPACE, broken())

    _wait_until(lambda: not house.repository.writer._domains)
    assert house.spools() == []


def test_a_full_disk_refuses_and_leaves_no_spool(house):
    house.backend.refusal = StoreFull("full")
    with pytest.raises(StoreFull):
        house.store(b"data")
    house.backend.refusal = None

    assert house.read(house.write(b"data")) == b"data"
    assert house.fatal == []


def test_a_limit_of_the_system_on_file_size_counts_as_full(house):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(StoreFull):
            house.store(LARGE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    _wait_until(lambda: not house.repository.writer._domains)
    assert house.spools() == []
    assert house.read(house.write(LARGE)) == LARGE


def test_below_the_floor_an_upload_is_refused(tmp_path):
    made = House(tmp_path / "home")
    made.repository.writer._floor._least_bytes = 1 << 62

    with pytest.raises(StoreFull):
        made.store(b"data")
    made.close()


def test_an_error_of_the_disk_makes_the_store_read_only_but_readable(house, monkeypatch):
    content = house.write(b"before")
    monkeypatch.setattr(os, "fsync", _broken)
    with pytest.raises(StoreReadOnly):
        house.store(b"during")
    monkeypatch.undo()

    with pytest.raises(StoreReadOnly):
        house.store(b"after")
    assert house.fatal == ["fatal"]
    assert house.read(content) == b"before"


def test_recovery_removes_spools_sets_orphans_aside_and_reports_losses(house):
    kept, lost, shortened = (house.write(det(5000, label)) for label in ("a", "b", "c"))
    orphan = house.store(b"never settled")
    (house.home / "tmp" / "half").write_bytes(b"half a pack")
    paths = {path.name: path for path in house.packs()}
    paths[lost.packs[0].pack_id.hex()].unlink()
    paths[shortened.packs[0].pack_id.hex()].write_bytes(b"short")

    report = house.repository.recover(lambda: index.known_packs(house.index))

    assert report.removed_spools == 1
    assert set(report.damaged) == {lost.packs[0], shortened.packs[0]}
    assert report.missing == (lost.packs[0],)
    assert [name.rpartition("/")[2] for name in report.orphans] == [orphan.packs[0].pack_id.hex()]
    assert (house.home / "orphan").exists()
    assert house.read(kept) == det(5000, "a")


def test_recovery_leaves_a_damaged_pack_where_it_is(house):
    content = house.write(b"data")
    path = house.packs()[0]
    path.write_bytes(path.read_bytes() + b"more")

    first = house.repository.recover(lambda: index.known_packs(house.index))
    house.index.write(lambda sql: index.mark_damaged(sql, [pack.pack_id for pack in first.damaged]))
    report = house.repository.recover(lambda: index.known_packs(house.index))

    assert report.damaged == content.packs
    assert report.orphans == ()
    assert house.read(content) == b"data"


def test_recovery_of_a_whole_repository_finds_nothing(house):
    house.write(LARGE)

    report = house.repository.recover(lambda: index.known_packs(house.index))

    assert (report.removed_spools, report.damaged, report.orphans) == (0, (), ())


def test_content_outlives_the_process(tmp_path):
    first = House(tmp_path / "home")
    content = first.write(LARGE)
    first.close()

    second = House(tmp_path / "home")
    second.index.settle(content)

    assert second.read(content) == LARGE
    second.close()


def _broken(descriptor):
    raise OSError(5, "input/output error")


def _outcome(house, content):
    try:
        house.repository.reader._cache._chunks.clear()
        return house.read(content)
    except ContentDamaged:
        return "damaged"


def _wait_until(condition):
    """Return once *condition* holds; it does within moments, or the test fails."""
    for _ in range(100_000):
        if condition():
            return
        os.sched_yield()
    raise AssertionError
