"""Uploads in parts that were never ended are aborted, and only ours, and only old ones."""

import dataclasses
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from servers import KEY_ID, SECRET, shared

from cloudconnect.storage.backends.away import AwayBackend
from cloudconnect.storage.backends.cache import CachedBackend
from cloudconnect.storage.backends.connect import Bucket
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.backends.uploads import abort_uploads

PACK = "packs/00/ab/name with ~ and ü"


@pytest.fixture(scope="session", params=["moto", "ceph"])
def s3(request, run_directory):
    with shared(request.param, run_directory) as running:
        yield running


@pytest.fixture
def place(s3, tmp_path):
    file = tmp_path / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text(f'access_key_id = "{KEY_ID}"\nsecret_access_key = "{SECRET}"\n')
    return Bucket(kind="s3", bucket=s3.make_bucket(), endpoint=s3.url, prefix="some/where", credentials_file=str(file))


@pytest.fixture
def client(s3):
    client = boto3.client(
        "s3", endpoint_url=s3.url, region_name="us-east-1", aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )
    yield client
    client.close()


@pytest.fixture
def begin(client, place):
    """Begin an upload that nobody ends."""

    def run(name):
        client.create_multipart_upload(Bucket=place.bucket, Key=name)

    return run


def left(client, place):
    found = client.list_multipart_uploads(Bucket=place.bucket)
    return sorted(each["Key"] for each in found.get("Uploads", []))


def now():
    return datetime.now(UTC)


def test_old_uploads_of_ours_are_aborted(begin, client, place):
    begin(f"some/where/{PACK}")
    begin("some/where/packs/00/cd/other")

    assert abort_uploads(place, now(), timedelta(seconds=-60)) == 2
    assert left(client, place) == []


def test_what_others_upload_and_what_is_under_way_stays(begin, client, place):
    begin(f"some/where/{PACK}")
    begin("some/whereelse/packs/00/ab/name")
    begin("some/where/other/name")

    assert abort_uploads(place, now(), timedelta(days=36_500)) == 0
    assert abort_uploads(place, now(), timedelta(seconds=-60)) == 1
    assert left(client, place) == ["some/where/other/name", "some/whereelse/packs/00/ab/name"]


def test_an_upload_of_a_bucket_without_prefix_is_aborted(begin, client, place):
    begin(PACK)

    assert abort_uploads(dataclasses.replace(place, prefix=""), now(), timedelta(seconds=-60)) == 1


class Bucketlike(MemoryBackend):
    """A backend with uploads that never ended."""

    def abort_uploads(self, now):
        return 3


def test_a_fleet_has_every_bucket_do_so(tmp_path):
    fleet = FleetBackend(MemoryBackend(), lambda name: None)
    fleet.add("bucket", AwayBackend("bucket", lambda: CachedBackend(Bucketlike(), tmp_path / "cache", 1 << 20)))

    assert fleet.abort_uploads(now()) == 3


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"bucket": "missing"}, id="no such bucket"),
        pytest.param({"endpoint": "http://127.0.0.1:9"}, id="no server"),
        pytest.param({"kind": "azure"}, id="no S3"),
    ],
)
def test_where_they_cannot_be_listed_nothing_is_refused(place, changed):
    assert abort_uploads(dataclasses.replace(place, **changed), now()) == 0
