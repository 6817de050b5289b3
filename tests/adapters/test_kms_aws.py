"""What is particular to AWS KMS: the context, aliases, and where credentials come from."""

import secrets

import boto3
import pytest
from key_service_fakes import KEY_ID, SECRET

from cloudconnect.adapters.key_service_setup import BadKeyService
from cloudconnect.adapters.kms_aws import CONTEXT
from cloudconnect.storage.key_service import KeyServiceAway, KeyServiceRefuses


@pytest.fixture
def client(moto):
    made = boto3.client(
        "kms",
        endpoint_url=moto.url,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )
    yield made
    made.close()


def test_what_it_wraps_opens_only_with_its_context(moto, client):
    key, secret = moto.new_key(), secrets.token_bytes(32)
    wrapped = moto.open(key).wrap(secret)

    assert client.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT)["Plaintext"] == secret
    with pytest.raises(client.exceptions.InvalidCiphertextException):
        client.decrypt(CiphertextBlob=wrapped)


def test_what_was_wrapped_for_something_else_is_refused(moto, client):
    key = moto.new_key()
    foreign = client.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"for": "something else"})

    with pytest.raises(KeyServiceRefuses):
        moto.open(key).unwrap(foreign["CiphertextBlob"])


def test_a_key_goes_by_its_alias_as_well(moto):
    service = moto.open(moto.name(moto.new_key()))

    assert service.unwrap(service.wrap(b"secret")) == b"secret"


def test_credentials_that_the_service_does_not_know_are_refused(aws, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SOMEBODYELSE")

    with pytest.raises(KeyServiceRefuses, match="UnrecognizedClientException"):
        aws.open(aws.new_key()).wrap(b"secret")


def test_without_credentials_nothing_is_sent_and_nothing_is_said_of_the_key(aws, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(KeyServiceAway, match="NoCredentialsError"):
        aws.open(aws.new_key()).wrap(b"secret")

    assert aws.fake.requests == 0


def test_credentials_that_come_later_are_used(aws, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    service = aws.open(aws.new_key())
    with pytest.raises(KeyServiceAway):
        service.wrap(b"secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)

    assert service.unwrap(service.wrap(b"secret")) == b"secret"


@pytest.mark.parametrize(
    ("variables", "facts"),
    [
        pytest.param({}, {"region": ""}, id="no region"),
        pytest.param({"AWS_PROFILE": "nobody"}, {}, id="a profile that is not there"),
    ],
)
def test_incomplete_settings_are_told_as_such(aws, monkeypatch, variables, facts):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(BadKeyService):
        aws.open("key", **facts).wrap(b"secret")


def test_a_service_that_asks_for_patience_gets_it(aws):
    service = aws.open(aws.new_key())
    aws.fake.throttled = 2

    assert service.unwrap(service.wrap(b"secret")) == b"secret"
