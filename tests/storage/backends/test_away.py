"""A backend that is out of reach refuses at once, keeps nothing else from its work, and comes back by itself."""

import pytest
from backend import BackendSuite

from cloudconnect.kernel.errors import Invalid
from cloudconnect.storage.backends import look
from cloudconnect.storage.backends.away import AwayBackend
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.local import MARK, LocalBackend
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.disk import Health
from cloudconnect.storage.errors import BackendUnreachable

NAME = BackendSuite.NAME


class Bucket(MemoryBackend):
    """A bucket that can be cut off, and how often it was asked."""

    is_cut_off = False
    asked = 0

    def read(self, name, offset, length):
        self.asked += 1
        if self.is_cut_off:
            raise BackendUnreachable("The object storage does not answer.")
        return super().read(name, offset, length)

    def names(self):
        if self.is_cut_off:
            raise BackendUnreachable("The object storage does not answer.")
        return super().names()


class TestAwayBackend(BackendSuite):
    """What is within reach is a backend like every other."""

    @pytest.fixture
    def backend(self):
        return AwayBackend("archive", MemoryBackend)


@pytest.fixture
def bucket():
    made = Bucket()
    made._objects[NAME] = b"sealed"
    return made


def test_it_is_asked_once_while_it_is_away(bucket):
    backend = AwayBackend("archive", lambda: bucket, pause_seconds=60)
    bucket.is_cut_off = True

    for _ in range(5):
        with pytest.raises(BackendUnreachable) as caught:
            backend.read(NAME, 0, 6)

    assert backend.is_away
    assert bucket.asked == 1
    assert caught.value.facts["name"] == "archive"


def test_it_comes_back_by_itself(bucket):
    backend = AwayBackend("archive", lambda: bucket, pause_seconds=0)
    bucket.is_cut_off = True
    with pytest.raises(BackendUnreachable):
        backend.read(NAME, 0, 6)
    bucket.is_cut_off = False

    assert backend.read(NAME, 0, 6) == b"sealed"
    assert not backend.is_away


def test_one_that_cannot_even_be_opened_is_away_until_it_can():
    answers = [Invalid("no credentials"), MemoryBackend()]

    def make():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    backend = AwayBackend("archive", make, pause_seconds=0)
    with pytest.raises(BackendUnreachable):
        backend.size(NAME)

    assert backend.size(NAME) is None


def test_a_fleet_names_who_is_away_and_lists_the_rest(bucket):
    main = MemoryBackend()
    main._objects[NAME] = b"sealed"
    fleet = FleetBackend(main, lambda name: None)
    fleet.add("archive", AwayBackend("archive", lambda: bucket))
    bucket.is_cut_off = True

    assert list(fleet.names()) == [(NAME, 6)]
    assert fleet.away == {"archive"}
    assert fleet.read(NAME, 0, 6) == b"sealed"


def test_a_disk_that_is_not_mounted_is_away_and_nothing_on_it_is_missing(tmp_path):
    disk = LocalBackend(tmp_path / "disk", Health(), is_elsewhere=True)
    (tmp_path / "disk").mkdir()
    backend = AwayBackend("disk", lambda: disk, pause_seconds=0)

    look(backend)
    with pytest.raises(BackendUnreachable):
        backend.read(NAME, 0, 6)
    (tmp_path / "spool").write_bytes(b"sealed")
    with pytest.raises(BackendUnreachable):
        backend.put(NAME, tmp_path / "spool")
    assert list((tmp_path / "disk").iterdir()) == []
    disk.mark()  # it is mounted
    (tmp_path / "spool").write_bytes(b"sealed")
    backend.put(NAME, tmp_path / "spool")

    assert backend.read(NAME, 0, 6) == b"sealed"


def test_a_disk_from_before_there_were_marks_is_marked_when_it_is_seen(tmp_path):
    (tmp_path / "disk" / "packs").mkdir(parents=True)
    disk = LocalBackend(tmp_path / "disk", Health(), is_elsewhere=True)

    look(disk)

    assert (tmp_path / "disk" / MARK).exists()


def test_a_disk_whose_directory_is_gone_gets_none_made(tmp_path):
    disk = LocalBackend(tmp_path / "disk", Health(), is_elsewhere=True)
    (tmp_path / "spool").write_bytes(b"sealed")

    with pytest.raises(BackendUnreachable):
        disk.put(NAME, tmp_path / "spool")
    with pytest.raises(BackendUnreachable):
        disk.set_aside(NAME)

    assert not (tmp_path / "disk").exists()
