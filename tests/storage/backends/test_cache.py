"""A cache never changes what is read, never grows beyond its cap and never answers for a write."""

import errno
import tempfile
from pathlib import Path

import pytest
from backend import BackendSuite
from fixtures import det
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudconnect.storage.backends import cache, forget
from cloudconnect.storage.backends.cache import BLOCK_BYTES, CachedBackend
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.errors import StoreFull

NAME = BackendSuite.NAME


class Counted(MemoryBackend):
    """Counts the reads that reach it."""

    reads = 0

    def read(self, name, offset, length):
        self.reads += 1
        return super().read(name, offset, length)


class TestCached(BackendSuite):
    @pytest.fixture
    def backend(self, tmp_path):
        return CachedBackend(MemoryBackend(), tmp_path / "cache", 64)


@pytest.fixture
def inner(tmp_path):
    made = Counted()
    (tmp_path / "spool").write_bytes(det(3 * BLOCK_BYTES + 100, "pack"))
    made.put(NAME, tmp_path / "spool")
    return made


def test_what_was_read_once_is_read_from_the_disk(inner, tmp_path):
    backend = CachedBackend(inner, tmp_path / "cache", 8 * BLOCK_BYTES)

    first = backend.read(NAME, 10, 3 * BLOCK_BYTES)
    again = [backend.read(NAME, 10, 3 * BLOCK_BYTES), backend.read(NAME, 3 * BLOCK_BYTES, 999)]

    assert first == again[0] == det(3 * BLOCK_BYTES + 100, "pack")[10 : 3 * BLOCK_BYTES + 10]
    assert again[1] == det(3 * BLOCK_BYTES + 100, "pack")[-100:]
    assert inner.reads == 1


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\0"), id="changed"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-9]), id="cut"),
        pytest.param(lambda path: path.unlink(), id="gone"),
    ],
)
def test_a_damaged_file_of_the_cache_is_read_anew(inner, tmp_path, harm):
    backend = CachedBackend(inner, tmp_path / "cache", 8 * BLOCK_BYTES)
    wanted = backend.read(NAME, 0, 2 * BLOCK_BYTES)

    for path in (tmp_path / "cache").iterdir():
        harm(path)

    assert backend.read(NAME, 0, 2 * BLOCK_BYTES) == wanted


def test_what_is_forgotten_is_read_anew(inner, tmp_path):
    backend = CachedBackend(inner, tmp_path / "cache", 8 * BLOCK_BYTES)
    backend.read(NAME, 0, 100)

    backend.forget(NAME)

    assert backend.cached_bytes == 0
    assert list((tmp_path / "cache").iterdir()) == []
    assert backend.read(NAME, 0, 100)
    assert inner.reads == 2


def test_what_is_judged_is_read_anew_through_every_layer(inner, tmp_path):
    fleet = FleetBackend(CachedBackend(inner, tmp_path / "cache", 8 * BLOCK_BYTES), lambda name: None)
    fleet.read(NAME, 0, 100)
    inner.delete(NAME)
    assert fleet.read(NAME, 0, 100)

    forget(fleet, NAME)

    with pytest.raises(FileNotFoundError):
        fleet.read(NAME, 0, 100)


def test_a_put_fails_when_the_inner_backend_does(tmp_path):
    class Full(MemoryBackend):
        def put(self, name, spool):
            raise StoreFull("there is no room")

    (tmp_path / "spool").write_bytes(b"data")

    with pytest.raises(StoreFull):
        CachedBackend(Full(), tmp_path / "cache", 99).put(NAME, tmp_path / "spool")


def test_a_full_disk_costs_speed_alone(inner, tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(cache, "_write", full)
    backend = CachedBackend(inner, tmp_path / "cache", 8 * BLOCK_BYTES)

    assert backend.read(NAME, 5, 100) == det(3 * BLOCK_BYTES + 100, "pack")[5:105]
    assert backend.cached_bytes == 0


READS = st.tuples(st.integers(0, 4), st.integers(0, 5 * 64), st.integers(0, 4 * 64))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(cap=st.integers(0, 400), reads=st.lists(st.one_of(READS, st.integers(0, 4)), max_size=40))
def test_any_reads_give_what_the_inner_backend_gives_and_the_cap_holds(cap, reads):
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "BLOCK_BYTES", 64)
        inner = MemoryBackend()
        for number in range(5):
            spool = Path(directory, "spool")
            spool.write_bytes(det(number * 70, f"pack{number}"))
            inner.put(f"packs/{number}", spool)
        backend = CachedBackend(inner, Path(directory, "cache"), cap)

        for each in reads:
            if isinstance(each, int):
                backend.forget(f"packs/{each}")
                continue
            number, offset, length = each
            wanted = inner.read(f"packs/{number}", offset, length)
            assert backend.read(f"packs/{number}", offset, length) == wanted
            used = sum(path.stat().st_size for path in Path(directory, "cache").iterdir())
            assert used == backend.cached_bytes <= cap
