"""Both backends keep the promises of a backend; the local one also those of a disk."""

import errno
import os
from pathlib import Path

import pytest
from backend import BackendSuite

from cloudconnect.storage import disk
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.errors import StoreFull, StoreReadOnly


class TestMemory(BackendSuite):
    @pytest.fixture
    def backend(self):
        return MemoryBackend()


class TestLocal(BackendSuite):
    @pytest.fixture
    def backend(self, tmp_path):
        return LocalBackend(tmp_path / "home", Health())

    def test_file_is_synced_before_its_name_and_names_before_the_answer(self, backend, tmp_path, monkeypatch):
        done = []
        monkeypatch.setattr(
            "cloudconnect.storage.backends.local.sync_file", lambda path: done.append(("file", path.name))
        )
        real = disk.sync_directory
        synced = lambda path: (done.append(("directory", path.name)), real(path))  # noqa: E731
        monkeypatch.setattr(disk, "sync_directory", synced)
        monkeypatch.setattr("cloudconnect.storage.backends.local.sync_directory", synced)

        self.put(backend, tmp_path)

        assert done == [
            ("file", "spool"),
            ("directory", tmp_path.name),
            ("directory", "home"),
            ("directory", "packs"),
            ("directory", "0" * 32),
            ("directory", "ab"),
        ]

    def test_only_we_may_look_into_the_directories(self, backend, tmp_path):
        self.put(backend, tmp_path)

        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "home").rglob("*") if path.is_dir()} == {0o700}

    def test_a_symbolic_link_is_not_followed(self, backend, tmp_path):
        self.put(backend, tmp_path)
        (tmp_path / "secret").write_bytes(b"secret")
        path = tmp_path / "home" / self.NAME
        path.unlink()
        path.symlink_to(tmp_path / "secret")

        with pytest.raises(OSError, match="symbolic"):
            backend.read(self.NAME, 0, 6)

    def test_many_files_can_be_read_with_few_open(self, backend, tmp_path):
        names = [f"packs/{'0' * 32}/ab/{number:064x}" for number in range(100)]
        for name in names:
            self.put(backend, tmp_path, name.encode(), name)

        assert [backend.read(name, 0, 999) for name in names] == [name.encode() for name in names]
        assert sum(str(tmp_path) in _target(each) for each in Path("/proc/self/fd").iterdir()) < 100


def _target(descriptor):
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS])
def test_an_error_of_the_disk_ends_writing_for_good_and_is_told_once(tmp_path, monkeypatch, code):
    told = []
    health = Health(lambda: told.append("fatal"))
    backend = LocalBackend(tmp_path, health)
    real, broken = os.fsync, [True]

    def fsync(descriptor):
        if broken:
            raise OSError(code, "broken")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "spool").write_bytes(b"data")
    with pytest.raises(StoreReadOnly):
        backend.put(BackendSuite.NAME, tmp_path / "spool")
    broken.clear()
    (tmp_path / "spool").write_bytes(b"data")
    with pytest.raises(StoreReadOnly):
        backend.put(BackendSuite.NAME, tmp_path / "spool")

    assert told == ["fatal"]
    assert not (tmp_path / "spool").exists()
    assert backend.size(BackendSuite.NAME) is None


def test_below_the_floor_nothing_is_taken(tmp_path):
    Floor(tmp_path, 1, 0.0).check()

    with pytest.raises(StoreFull):
        Floor(tmp_path, 1 << 62, 0.0).check()


def test_a_file_is_replaced_as_a_whole(tmp_path):
    disk.write_file(tmp_path / "key", b"old")
    disk.write_file(tmp_path / "key", b"new")

    assert (tmp_path / "key").read_bytes() == b"new"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "key"]
