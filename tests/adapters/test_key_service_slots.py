"""A keyring that a key service opens: it opens with the service, with the recovery code, and with nothing else."""

import base64
import json
from contextlib import closing

import pytest

from cloudconnect.storage.errors import WrongKey
from cloudconnect.storage.key_service import KeyServiceAway
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.kms_slot import KmsSlot
from cloudconnect.storage.slots import KeyFileSlot, RecoverySlot

SPACE = bytes(range(16))
every_service = pytest.mark.parametrize("world", ["moto", "aws", "azure", "soft_token"], indirect=True)
strict_services = pytest.mark.parametrize("world", ["aws", "azure", "soft_token"], indirect=True)
services_over_the_network = pytest.mark.parametrize("world", ["aws", "azure"], indirect=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "keyring.db"


@pytest.fixture
def key(world):
    return world.new_key()


@pytest.fixture
def made(path, world, key):
    """A keyring that *key* opens, the name of a content in it, and its recovery code."""
    keyring, code = Keyring.create(path, KmsSlot(world.open(key)))
    with closing(keyring):
        keyring.add_domain(SPACE)
        return name_of(keyring), code


def name_of(keyring):
    return keyring.domain(SPACE).content_ids.of(0, b"content")


def name_in(path, slot):
    with closing(Keyring.open(path, slot)) as keyring:
        return name_of(keyring)


@every_service
def test_it_opens_with_its_key_and_has_the_same_keys(world, path, key, made):
    assert name_in(path, KmsSlot(world.open(key))) == made[0]


@every_service
def test_the_recovery_code_opens_it_without_the_service(world, path, made):
    assert name_in(path, RecoverySlot(made[1])) == made[0]


@services_over_the_network
def test_the_recovery_code_opens_it_while_the_service_is_away(world, path, made):
    world.close()

    assert name_in(path, RecoverySlot(made[1])) == made[0]


@every_service
def test_a_service_opens_a_keyring_that_was_made_with_a_key_file(world, path, tmp_path, key):
    keyring, _ = Keyring.create(path, KeyFileSlot(tmp_path / "home.key"))
    with closing(keyring):
        keyring.add_domain(SPACE)
        keyring.put_slot(KmsSlot(world.open(key)))

    with_file, with_service = name_in(path, KeyFileSlot(tmp_path / "home.key")), name_in(path, KmsSlot(world.open(key)))

    assert with_file == with_service


@every_service
def test_it_moves_to_another_key_of_the_service(world, path, key, made):
    other = world.new_key()
    with closing(Keyring.open(path, KmsSlot(world.open(key)))) as keyring:
        keyring.put_slot(KmsSlot(world.open(other)))

    assert name_in(path, KmsSlot(world.open(other))) == made[0]
    with pytest.raises(WrongKey):
        Keyring.open(path, KmsSlot(world.open(key)))


@every_service
def test_another_key_does_not_open_it_and_both_are_named(world, path, key, made):
    other = world.new_key()

    with pytest.raises(WrongKey) as refused:
        Keyring.open(path, KmsSlot(world.open(other)))

    assert (refused.value.facts["made_with"], refused.value.facts["key"]) == (key, other)


@strict_services
def test_a_disabled_key_does_not_open_it_and_says_why(world, path, key, made):
    world.disable(key)

    with pytest.raises(WrongKey) as refused:
        Keyring.open(path, KmsSlot(world.open(key)))

    assert refused.value.facts["reason"] in {"DisabledException", "KeyDisabled", "NoSuchKey"}
    assert "recovery code" in str(refused.value.fix)


@services_over_the_network
def test_a_service_that_is_away_says_nothing_of_the_key(world, path, key, made):
    world.close()

    with pytest.raises(KeyServiceAway):
        Keyring.open(path, KmsSlot(world.open(key)))


@strict_services
def test_no_keyring_is_made_with_a_key_that_does_not_work(world, path, key):
    world.disable(key)

    with pytest.raises(Exception, match=key):
        Keyring.create(path, KmsSlot(world.open(key)))

    assert not path.exists()


@every_service
def test_what_the_keyring_keeps_says_who_wrapped_and_nothing_else(world, key):
    slot = KmsSlot(world.open(key))

    parameters = slot.new_parameters()

    document = json.loads(parameters)
    assert (document["service"], document["key"]) == (slot.kind, key)
    assert slot.key(parameters).secret not in base64.b64decode(document["wrapped"])


def turned(parameters):
    """*parameters* with one bit of the wrapped key turned."""
    document = json.loads(parameters)
    wrapped = base64.b64decode(document["wrapped"])
    document["wrapped"] = base64.b64encode(wrapped[:-1] + bytes([wrapped[-1] ^ 1])).decode()
    return json.dumps(document, separators=(",", ":"))


@every_service
def test_a_changed_wrapped_key_opens_nothing(world, key):
    slot = KmsSlot(world.open(key))

    with pytest.raises(WrongKey):
        slot.key(turned(slot.new_parameters()))


@pytest.mark.parametrize("world", ["soft_token"], indirect=True)
@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda parameters: parameters[:-30], id="cut off"),
        pytest.param(lambda parameters: "{}", id="empty"),
        pytest.param(lambda parameters: "[]", id="another shape"),
        pytest.param(lambda parameters: parameters.replace('"wrapped":"', '"wrapped":"!'), id="no base64"),
        pytest.param(lambda parameters: '{"key":"x","wrapped":5}', id="a number"),
    ],
)
def test_parameters_that_are_none_are_told_apart_from_a_wrong_key(world, key, damaged):
    slot = KmsSlot(world.open(key))

    with pytest.raises((ValueError, LookupError, TypeError)):
        slot.key(damaged(slot.new_parameters()))


def test_a_service_that_gives_back_no_key_opens_nothing():
    class Short:
        name, key_name = "aws-kms", "key"

        def wrap(self, secret):
            return secret

        def unwrap(self, wrapped):
            return wrapped[:16]

    slot = KmsSlot(Short())

    with pytest.raises(WrongKey):
        slot.key(slot.new_parameters())
