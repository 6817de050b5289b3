"""Gives tests a bucket on every server that is installed."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory, worker_id):
    """A directory that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "servers"


@pytest.fixture(scope="session", params=["moto", "ceph", "azurite"])
def server(request, run_directory):
    """A running object storage."""
    from servers import shared

    with shared(request.param, run_directory) as running:
        yield running


@pytest.fixture
def place(server, tmp_path):
    """A new bucket."""
    from servers import AZURE_ACCOUNT, AZURE_KEY, KEY_ID, SECRET

    from cloudconnect.storage.backends.connect import Bucket

    file = tmp_path / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text(
        f'account = "{AZURE_ACCOUNT}"\nkey = "{AZURE_KEY}"\n'
        f'access_key_id = "{KEY_ID}"\nsecret_access_key = "{SECRET}"\n'
    )
    return Bucket(
        kind=server.kind,
        bucket=server.make_bucket(),
        endpoint=server.url,
        prefix="some/where",
        credentials_file=str(file),
    )
