"""What is particular to PKCS#11: PINs that lock, keys that may leave the token, and drivers that hang."""

import os
import threading

import pytest
from key_service_worlds import PIN

from cloudconnect.adapters.key_service_setup import BadKeyService
from cloudconnect.storage.key_service import KeyServiceAway, KeyServiceRefuses


def pin_file(tmp_path, pin, mode=0o600):
    file = tmp_path / "pin"
    file.touch(mode=0o600)
    file.write_text(pin)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize("context", [None, b"something else"])
def test_what_the_key_encrypted_for_something_else_is_refused(soft_token, context):
    key = soft_token.new_key()
    foreign = soft_token.encrypt(key, b"secret", context)

    with pytest.raises(KeyServiceRefuses):
        soft_token.open(key).unwrap(foreign)


def test_a_wrong_pin_is_refused_and_told(soft_token, tmp_path):
    service = soft_token.open(soft_token.new_key(), pin_file=pin_file(tmp_path, "wrong"))

    with pytest.raises(KeyServiceRefuses, match="PinIncorrect") as refused:
        service.wrap(b"secret")

    assert "wrong" not in str(refused.value.facts.values())


def test_a_pin_is_read_anew_for_every_call(soft_token, tmp_path):
    service = soft_token.open(soft_token.new_key(), pin_file=pin_file(tmp_path, "wrong"))
    with pytest.raises(KeyServiceRefuses):
        service.wrap(b"secret")
    pin_file(tmp_path, f"{PIN}\n")

    assert service.unwrap(service.wrap(b"secret")) == b"secret"


def test_a_pin_that_everybody_may_read_is_not_used(soft_token, tmp_path):
    service = soft_token.open(soft_token.new_key(), pin_file=pin_file(tmp_path, PIN, 0o644))

    with pytest.raises(BadKeyService, match="everybody"):
        service.wrap(b"secret")


def test_a_token_that_is_not_plugged_in_is_away(soft_token):
    with pytest.raises(KeyServiceAway, match="NoSuchToken"):
        soft_token.open("key", token="another").wrap(b"secret")


def test_a_key_that_may_leave_the_token_is_refused(soft_token):
    service = soft_token.open(soft_token.new_key(is_extractable=True))

    with pytest.raises(KeyServiceRefuses, match="stays in the token"):
        service.wrap(b"secret")


def test_a_shorter_key_is_refused(soft_token):
    with pytest.raises(KeyServiceRefuses, match="AES-256"):
        soft_token.open(soft_token.new_key(bits=128)).wrap(b"secret")


def test_a_module_that_cannot_be_loaded_is_named(soft_token, tmp_path):
    with pytest.raises(BadKeyService, match=r"nothing\.so"):
        soft_token.open("key", module=str(tmp_path / "nothing.so")).wrap(b"secret")


def test_a_driver_that_hangs_is_left_alone(soft_token, tmp_path):
    pipe = tmp_path / "pin"
    os.mkfifo(pipe, 0o600)
    service = soft_token.open(soft_token.new_key(), pin_file=str(pipe), timeout_seconds=0.03)

    with pytest.raises(KeyServiceAway, match="timeout"):
        service.wrap(b"secret")

    with pipe.open("w") as writer:
        writer.write("let the threads go")
    for thread in threading.enumerate():
        if thread.name == "key-service-pkcs11":
            thread.join(5)
