"""What is particular to Azure Key Vault: versions of a key, and who this machine is."""

import pytest
from key_service_fakes import CLIENT, CLIENT_SECRET, MANY, TENANT

from cloudconnect.adapters.azure_identity import AzureIdentity
from cloudconnect.adapters.key_service_setup import BadKeyService
from cloudconnect.storage.key_service import KeyServiceAway, KeyServiceRefuses

KNOWN = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}


def test_after_a_rotation_the_new_version_wraps_and_the_old_one_still_unwraps(azure):
    key = azure.new_key()
    service = azure.open(key)
    before = service.wrap(b"before")
    azure.fake.rotate(key)

    after = service.wrap(b"after")

    assert before[:16] != after[:16]
    assert (service.unwrap(before), service.unwrap(after)) == (b"before", b"after")


def test_a_version_that_was_deleted_opens_nothing(azure):
    key = azure.new_key()
    service = azure.open(key)
    wrapped = service.wrap(b"secret")
    azure.fake.rotate(key)
    del azure.fake.keys[key][wrapped[:16].hex()]

    with pytest.raises(KeyServiceRefuses, match="KeyNotFound"):
        service.unwrap(wrapped)


@pytest.mark.parametrize(
    ("environment", "proof"),
    [
        pytest.param({**KNOWN, "AZURE_CLIENT_SECRET": CLIENT_SECRET}, "client_secret", id="a secret"),
        pytest.param({**KNOWN, "AZURE_FEDERATED_TOKEN_FILE": "token"}, "client_assertion", id="a federated token"),
        pytest.param({}, "resource", id="the machine's own identity"),
        pytest.param({"AZURE_CLIENT_ID": CLIENT}, "client_id", id="one of the machine's identities"),
    ],
)
def test_the_environment_tells_who_this_machine_is(azure, tmp_path, monkeypatch, environment, proof):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("federated-for-tests\n")
    service = azure.open(azure.new_key(), environment, credentials_file="")

    assert service.unwrap(service.wrap(b"secret")) == b"secret"
    assert all(proof in request for request in azure.fake.token_requests)


def test_a_wrong_secret_is_refused_once(azure):
    environment = {**KNOWN, "AZURE_CLIENT_SECRET": "another"}

    with pytest.raises(KeyServiceRefuses, match="invalid_client"):
        azure.open(azure.new_key(), environment, credentials_file="").wrap(b"secret")

    assert azure.fake.requests == 1


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"AZURE_CLIENT_SECRET": CLIENT_SECRET}, id="a secret of nobody"),
        pytest.param({**KNOWN, "AZURE_FEDERATED_TOKEN_FILE": "/nowhere"}, id="a token that is not there"),
    ],
)
def test_half_an_identity_is_told_as_such(azure, environment):
    with pytest.raises(BadKeyService):
        azure.open(azure.new_key(), environment, credentials_file="").wrap(b"secret")


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        pytest.param(f'tenant = "{TENANT}"', 0o600, id="incomplete"),
        pytest.param("tenant = ", 0o600, id="no TOML"),
        pytest.param("", 0o644, id="open to everybody"),
        pytest.param(None, 0o600, id="not there"),
    ],
)
def test_a_credentials_file_that_cannot_be_used_is_named(azure, text, mode):
    if text is None:
        azure.credentials_file.unlink()
    else:
        azure.credentials_file.write_text(text)
        azure.credentials_file.chmod(mode)

    with pytest.raises(BadKeyService, match=r"azure\.toml"):
        azure.open(azure.new_key())


def test_an_identity_does_not_show_its_secret():
    identity = AzureIdentity(TENANT, CLIENT, CLIENT_SECRET)

    assert CLIENT_SECRET not in repr(identity)
    assert CLIENT_SECRET not in repr(identity.token_request("https://vault.azure.net"))


def test_an_answer_without_an_end_is_not_read_to_it(azure):
    azure.fake.faults = ["long"] * MANY

    with pytest.raises(KeyServiceAway, match="too long"):
        azure.open(azure.new_key()).wrap(b"secret")


def test_a_secret_is_sent_to_no_authority_that_others_can_listen_to(azure):
    with pytest.raises(BadKeyService, match="https://"):
        azure.open("key", {"AZURE_AUTHORITY_HOST": "http://login.example.org"})
