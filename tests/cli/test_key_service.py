"""A store that a key service opens: enrolled, started with it, sealed while it is away, and recovered without it."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "adapters"))
from key_service_fakes import KEY_ID, SECRET, FakeKms

pytestmark = pytest.mark.slow


@pytest.fixture
def kms():
    fake = FakeKms()
    yield fake
    fake.close()


@pytest.fixture
def served(new_machine, kms):
    """A machine that is set up for the key service, and a key in it."""
    kms.key = kms.new_key()
    new_machine.environment |= {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CLOUDCONNECT_KEYS_KMS_KIND": "aws-kms",
        "CLOUDCONNECT_KEYS_KMS_KEY": kms.key,
        "CLOUDCONNECT_KEYS_KMS_REGION": "us-east-1",
        "CLOUDCONNECT_KEYS_KMS_ENDPOINT": kms.url,
        "CLOUDCONNECT_KEYS_KMS_TIMEOUT_SECONDS": "1",
    }
    return new_machine


def status_of(machine, path, **headers):
    request = urllib.request.Request(f"{machine.url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def wait_for(condition):
    for _ in range(400):
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail("it did not come about")


def test_a_store_made_with_a_key_service_starts_with_it_and_not_without(served, kms):
    served.start()
    assert [slot["kind"] for slot in served.json("key", "status")["slots"]] == ["aws-kms", "recovery"]
    assert all(step["is_ok"] for step in served.json("key", "kms", "test"))
    served.stop()
    assert not (served.place / "home.key").exists()

    kms.disable(kms.key)
    refused = served.run("serve")

    assert (refused.returncode, b"DisabledException" in refused.stderr) == (12, True), refused.stderr
    assert served.run("key", "kms", "test").returncode != 0


def test_a_store_with_a_key_file_is_enrolled_and_needs_the_file_no_longer(served):
    kind = served.environment.pop("CLOUDCONNECT_KEYS_KMS_KIND")
    served.start()
    served.stop()
    served.environment["CLOUDCONNECT_KEYS_KMS_KIND"] = kind

    assert served.run("key", "init").returncode == 0
    (served.place / "home.key").unlink()

    served.start()
    assert [slot["is_current"] for slot in served.json("key", "status")["slots"]] == [True, False, False]


def test_with_a_sealed_start_it_waits_until_the_service_is_back(served, kms):
    served.start()
    served.stop()
    served.environment["CLOUDCONNECT_KEYS_SEALED_START"] = "true"
    kms.faults = ["busy"] * 1_000
    served.launch()
    wait_for(lambda: status_of(served, "/livez")[0] == 200)

    code, body, headers = status_of(served, "/api/v1/spaces")
    assert (code, b"appliance.sealed" in body, headers["Retry-After"]) == (503, True, "60")
    assert status_of(served, "/readyz")[0] == 503
    assert b"sealed" in status_of(served, "/", Accept="text/html")[1]
    assert served.run("ls", "/").returncode != 0
    kms.faults = []
    wait_for(lambda: status_of(served, "/readyz")[0] == 200)
    assert served.json("ls", "/") == []
