"""Gives tests every key service that is at hand."""

import os
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "storage" / "backends")]


@pytest.fixture
def aws_credentials(monkeypatch):
    """Credentials in the environment, and nothing else that AWS's chain could find."""
    from key_service_fakes import KEY_ID, SECRET

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory, worker_id):
    """The address of moto, which all test processes of this run share."""
    from servers import shared

    base = tmp_path_factory.getbasetemp()
    with shared("moto", (base if worker_id == "master" else base.parent) / "servers") as running:
        yield running.url


@pytest.fixture(scope="session")
def soft_token(tmp_path_factory):
    """A token in files."""
    from key_service_worlds import SoftToken

    if not SoftToken.is_here():
        _missing("softhsm2 and python-pkcs11")
    return SoftToken(tmp_path_factory.mktemp("softhsm") / "home")


@pytest.fixture
def moto(moto_url, aws_credentials):
    """Moto's KMS."""
    from key_service_worlds import Moto

    world = Moto(moto_url)
    yield world
    world.close()


@pytest.fixture
def aws(aws_credentials):
    """Our own fake of KMS."""
    from key_service_worlds import Aws

    world = Aws()
    yield world
    world.close()


@pytest.fixture
def azure(tmp_path):
    """Our own fake of Key Vault."""
    from key_service_worlds import Azure

    world = Azure(tmp_path)
    yield world
    world.close()


@pytest.fixture
def world(request):
    """The key service that a test is run against, by the name of its fixture."""
    return request.getfixturevalue(request.param)


def _missing(what):
    if os.environ.get("CLOUDCONNECT_TEST_STRICT") == "1":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"install {what} to run this")
