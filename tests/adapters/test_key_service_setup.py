"""A key service that is not set up says what is missing, before anything is sent."""

import sys

import pytest

from cloudconnect.adapters.key_service_calls import MOST_SECONDS, Patience, away, refuses
from cloudconnect.adapters.key_service_setup import BadKeyService
from cloudconnect.adapters.key_services import open_key_service

COMPLETE = {
    "aws-kms": {"key": "alias/cc"},
    "azure-key-vault": {"key": "cc", "vault_url": "https://cc.vault.azure.net"},
    "pkcs11": {"key": "cc", "module": "/lib.so", "token": "cc", "pin_file": "/pin"},
}
NEEDED = [(kind, name) for kind, facts in COMPLETE.items() for name in facts]


@pytest.mark.parametrize("kind", COMPLETE)
def test_complete_settings_are_enough(kind):
    service = open_key_service(kind, COMPLETE[kind])

    assert (service.name, service.key_name) == (kind, COMPLETE[kind]["key"])


@pytest.mark.parametrize(("kind", "name"), NEEDED)
def test_a_missing_setting_is_named(kind, name):
    with pytest.raises(BadKeyService, match=rf"keys\.kms\.{name}"):
        open_key_service(kind, COMPLETE[kind] | {name: ""})


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [("aws-kms", "botocore", "kms-aws"), ("azure-key-vault", "httpx", "kms-azure"), ("pkcs11", "pkcs11", "pkcs11")],
)
def test_a_missing_library_is_named_by_its_extra(kind, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(BadKeyService) as refused:
        open_key_service(kind, COMPLETE[kind])

    assert f"cloudconnect[{extra}]" in str(refused.value.fix)


def test_an_unknown_kind_is_answered_with_the_known_ones():
    with pytest.raises(BadKeyService) as refused:
        open_key_service("abacus", {})

    assert all(kind in str(refused.value.fix) for kind in COMPLETE)


@pytest.mark.parametrize("address", ["http://kms.example.org", "ftp://127.0.0.1", "kms.example.org", "https://"])
@pytest.mark.parametrize(("kind", "name"), [("aws-kms", "endpoint"), ("azure-key-vault", "vault_url")])
def test_keys_are_sent_to_no_address_that_others_can_listen_to(kind, name, address):
    with pytest.raises(BadKeyService, match="https://"):
        open_key_service(kind, COMPLETE[kind] | {name: address})


def test_no_setting_makes_an_attempt_longer_than_the_most():
    assert Patience(60).seconds == MOST_SECONDS


def test_a_service_waits_as_long_as_the_settings_say():
    assert open_key_service("aws-kms", {"key": "key", "timeout_seconds": 1.5})._patience.seconds == 1.5


@pytest.mark.parametrize("refusal", [away, lambda service, reason: refuses(service, "key", reason)])
def test_a_refusal_quotes_no_more_of_a_service_than_a_word(refusal):
    assert "DisabledException" in str(refusal("aws-kms", "DisabledException"))
    assert "token=" not in str(refusal("aws-kms", 'denied: {"token=": "abc"}'))
