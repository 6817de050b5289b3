"""What every backend promises; a test module makes a fixture ``backend`` and takes these in."""

import pytest


class BackendSuite:
    """The promises of ``cloudconnect.storage.backends.Backend``."""

    NAME = f"packs/{'0' * 32}/ab/{'ab' * 32}"

    def put(self, backend, tmp_path, data=b"sealed bytes", name=NAME):
        spool = tmp_path / "spool"
        spool.write_bytes(data)
        backend.put(name, spool)
        return spool

    def test_what_is_put_can_be_read_in_any_part(self, backend, tmp_path):
        self.put(backend, tmp_path)

        parts = [backend.read(self.NAME, *part) for part in ((0, 6), (7, 5), (7, 99), (12, 4))]

        assert parts == [b"sealed", b"bytes", b"bytes", b""]

    def test_the_spool_file_is_gone_after_a_put(self, backend, tmp_path):
        assert not self.put(backend, tmp_path).exists()

    def test_putting_the_same_again_changes_nothing(self, backend, tmp_path):
        self.put(backend, tmp_path)
        self.put(backend, tmp_path)

        assert list(backend.names()) == [(self.NAME, 12)]

    def test_sizes_are_told_and_absence_is_none(self, backend, tmp_path):
        self.put(backend, tmp_path)

        assert backend.size(self.NAME) == 12
        assert backend.size(self.NAME[:-2] + "00") is None

    def test_reading_what_is_not_there_is_an_error_of_the_system(self, backend):
        with pytest.raises(FileNotFoundError):
            backend.read(self.NAME, 0, 1)

    def test_what_is_set_aside_is_no_longer_listed_or_read(self, backend, tmp_path):
        self.put(backend, tmp_path)
        backend.read(self.NAME, 0, 1)

        backend.set_aside(self.NAME)

        assert list(backend.names()) == []
        with pytest.raises(FileNotFoundError):
            backend.read(self.NAME, 0, 1)

    def test_what_is_deleted_is_gone_and_deleting_again_is_no_error(self, backend, tmp_path):
        self.put(backend, tmp_path)

        backend.delete(self.NAME)
        backend.delete(self.NAME)

        assert backend.size(self.NAME) is None
