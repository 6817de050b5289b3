"""Every kind of backend keeps the same promises; those over a network keep them when the network does not."""

import dataclasses
import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from backend import BackendSuite
from fixtures import det
from proxy import FaultyProxy

from cloudconnect.storage.backends.connect import BadCredentials, connect
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.backends.objects import MULTIPART_BYTES, ObjectBackend
from cloudconnect.storage.backends.retry import Retry
from cloudconnect.storage.disk import Health
from cloudconnect.storage.errors import BackendDenied, BackendUnreachable

QUICK = Retry(total_seconds=1.0, first_seconds=0.01, most_seconds=0.1)


class TestMemory(BackendSuite):
    @pytest.fixture
    def backend(self):
        return MemoryBackend()


class TestLocal(BackendSuite):
    @pytest.fixture
    def backend(self, tmp_path):
        return LocalBackend(tmp_path / "home", Health())


class TestObjects(BackendSuite):
    @pytest.fixture
    def backend(self, place):
        return ObjectBackend(connect(place), QUICK)

    @pytest.mark.parametrize("size", [0, 1, MULTIPART_BYTES, MULTIPART_BYTES + 1, 2 * MULTIPART_BYTES + 12345])
    def test_objects_of_every_size_come_back_whole(self, backend, tmp_path, size):
        data = det(size, "object")
        self.put(backend, tmp_path, data)

        assert backend.read(self.NAME, 0, size + 1) == data
        assert backend.size(self.NAME) == size
        assert list(backend.names()) == [(self.NAME, size)]

    @pytest.mark.parametrize("size", [1000, MULTIPART_BYTES + 1])
    def test_half_an_object_of_that_name_is_replaced(self, backend, tmp_path, size):
        data = det(size, "object")
        self.put(backend, tmp_path, data[:500])

        self.put(backend, tmp_path, data)

        assert backend.read(self.NAME, 0, size) == data

    def test_many_names_are_all_listed(self, backend, tmp_path):
        names = [f"packs/{'0' * 32}/{number:02x}/{number:064x}" for number in range(25)]
        for name in names:
            self.put(backend, tmp_path, name.encode(), name)

        assert sorted(backend.names()) == [(name, len(name)) for name in names]

    def test_buckets_with_other_prefixes_do_not_see_each_other(self, backend, place, tmp_path):
        other = ObjectBackend(connect(dataclasses.replace(place, prefix="some/whereelse")), QUICK)
        self.put(backend, tmp_path)

        assert list(other.names()) == []
        assert other.size(self.NAME) is None

    def test_a_missing_bucket_is_not_taken_for_missing_packs(self, place, tmp_path):
        backend = ObjectBackend(connect(dataclasses.replace(place, bucket="bucket-that-is-not-there")), QUICK)
        tries = [
            lambda: backend.read(self.NAME, 0, 1),
            lambda: backend.size(self.NAME),
            lambda: list(backend.names()),
            lambda: self.put(backend, tmp_path),
        ]

        for each in tries:
            with pytest.raises(BackendUnreachable):
                each()

    def test_wrong_credentials_are_refused_at_once_and_told_nowhere(self, server, place, tmp_path):
        if server.name == "moto":
            pytest.skip("moto lets everybody in")
        wrong = "d3JvbmctYW5kLXNlY3JldA=="
        file = Path(place.credentials_file)
        file.write_text(
            f'account = "devstoreaccount1"\nkey = "{wrong}"\naccess_key_id = "WRONG"\nsecret_access_key = "{wrong}"\n'
        )
        backend = ObjectBackend(connect(place), Retry(sleep=pytest.fail))

        with pytest.raises(BackendDenied) as refused:
            backend.read(self.NAME, 0, 1)

        assert wrong not in f"{refused.value!r} {refused.value} {refused.value.__cause__!r} {place!r} {backend!r}"
        with pytest.raises(BackendDenied):
            self.put(backend, tmp_path)

    def test_a_server_that_is_not_there_is_refused_after_a_bounded_time(self, place, tmp_path):
        waited = []
        retry = Retry(total_seconds=1.0, first_seconds=0.1, sleep=waited.append, monotonic=lambda: sum(waited))
        backend = ObjectBackend(connect(dataclasses.replace(place, endpoint="http://127.0.0.1:9/a")), retry)

        with pytest.raises(BackendUnreachable):
            self.put(backend, tmp_path)

        assert len(waited) > 2
        assert sum(waited) < 1.0

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", [1, 2])
    def test_through_a_broken_network_what_was_put_is_there_and_nothing_is_half(self, server, place, tmp_path, seed):
        parts = urlsplit(server.url)
        proxy = FaultyProxy((parts.hostname, parts.port), seed)
        endpoint = place.endpoint.replace(f":{parts.port}", f":{proxy.port}")
        broken = ObjectBackend(
            connect(dataclasses.replace(place, endpoint=endpoint, timeout_seconds=0.4)),
            Retry(total_seconds=6.0, first_seconds=0.005, most_seconds=0.05),
        )
        sizes = [100, 5000, 70_000, 600_000, MULTIPART_BYTES + 70_000, 0, 2000, 300_000]
        objects = {}
        for size in sizes:
            data = det(size, f"{seed} {size}")
            objects[f"packs/{'0' * 32}/ab/{hashlib.sha256(data).hexdigest()}"] = data
        returned, read = set(), {}

        for name, data in objects.items():
            if _came_back(lambda name=name, data=data: self.put(broken, tmp_path, data, name)):
                returned.add(name)
        for name in returned:
            _came_back(lambda name=name: read.update({name: broken.read(name, 0, len(objects[name]))}))
        proxy.close()

        sound = ObjectBackend(connect(place), QUICK)
        there = {name: sound.read(name, 0, size) for name, size in sound.names()}
        assert proxy.broken > 3
        assert len(returned) > 2
        assert returned <= there.keys()
        assert there.items() <= objects.items()
        assert read.items() <= objects.items()


def _came_back(call):
    try:
        call()
    except BackendUnreachable:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        pytest.param("not toml", 0o600, id="no TOML"),
        pytest.param('access_key_id = "identity"', 0o600, id="half"),
        pytest.param('access_key_id = "identity"\nsecret_access_key = "hidden"', 0o644, id="open to all"),
        pytest.param(None, 0, id="missing"),
    ],
)
def test_a_bad_credentials_file_is_refused_without_a_word_of_it(tmp_path, text, mode):
    from cloudconnect.storage.backends.connect import Bucket

    file = tmp_path / "credentials"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)

    with pytest.raises(BadCredentials) as refused:
        connect(Bucket(kind="s3", bucket="bucket", credentials_file=str(file)))

    assert "hidden" not in str(refused.value)
    assert "identity" not in str(refused.value)
