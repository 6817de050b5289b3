"""Every key service keeps the same promises, and none of them lets a changed or foreign secret through."""

import secrets

import pytest
from key_service_fakes import MANY

from cloudconnect.adapters.key_services import try_out
from cloudconnect.storage.key_service import KeyServiceAway, KeyServiceRefuses

every_service = pytest.mark.parametrize("world", ["moto", "aws", "azure", "soft_token"], indirect=True)
# Moto goes on with a key that is disabled.
strict_services = pytest.mark.parametrize("world", ["aws", "azure", "soft_token"], indirect=True)
services_over_the_network = pytest.mark.parametrize("world", ["aws", "azure"], indirect=True)


@every_service
def test_a_secret_comes_back(world):
    service, secret = world.open(world.new_key()), secrets.token_bytes(32)

    wrapped = service.wrap(secret)

    assert service.unwrap(wrapped) == secret
    assert secret not in wrapped


@every_service
def test_the_same_secret_never_looks_the_same(world):
    service, secret = world.open(world.new_key()), secrets.token_bytes(32)

    assert service.wrap(secret) != service.wrap(secret)


@every_service
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda wrapped: bytes([wrapped[0] ^ 1]) + wrapped[1:], id="at its beginning"),
        pytest.param(lambda wrapped: wrapped[:40] + bytes([wrapped[40] ^ 1]) + wrapped[41:], id="in the middle"),
        pytest.param(lambda wrapped: wrapped[:-1] + bytes([wrapped[-1] ^ 1]), id="at its end"),
        pytest.param(lambda wrapped: wrapped[:-1], id="cut off"),
        pytest.param(lambda wrapped: wrapped[:5], id="nearly gone"),
        pytest.param(lambda wrapped: b"", id="gone"),
    ],
)
def test_what_was_changed_is_refused(world, changed):
    service = world.open(world.new_key())
    wrapped = service.wrap(secrets.token_bytes(32))

    with pytest.raises(KeyServiceRefuses):
        service.unwrap(changed(wrapped))


@every_service
def test_another_key_does_not_unwrap(world):
    wrapped = world.open(world.new_key()).wrap(secrets.token_bytes(32))

    with pytest.raises(KeyServiceRefuses):
        world.open(world.new_key()).unwrap(wrapped)


@every_service
def test_a_key_that_is_not_there_is_named(world):
    with pytest.raises(KeyServiceRefuses, match="no-such-key"):
        world.open("no-such-key").wrap(b"secret")


@strict_services
def test_a_disabled_key_neither_wraps_nor_unwraps(world):
    key = world.new_key()
    service = world.open(key)
    wrapped = service.wrap(b"secret")
    world.disable(key)

    with pytest.raises(KeyServiceRefuses):
        service.wrap(b"secret")
    with pytest.raises(KeyServiceRefuses):
        service.unwrap(wrapped)


@services_over_the_network
def test_a_policy_that_denies_is_told_as_such(world):
    service = world.open(world.new_key())
    world.fake.is_denied = True

    with pytest.raises(KeyServiceRefuses) as refused:
        service.wrap(b"secret")

    assert refused.value.facts["reason"] in {"AccessDeniedException", "ForbiddenByRbac"}


@services_over_the_network
@pytest.mark.parametrize("fault", ["busy", "drop", "garbled"])
def test_a_service_that_recovers_is_asked_again(world, fault):
    service = world.open(world.new_key())
    world.fake.faults = [fault, fault]

    assert service.unwrap(service.wrap(b"secret")) == b"secret"


@services_over_the_network
@pytest.mark.parametrize("fault", ["busy", "drop", "garbled"])
def test_a_service_that_does_not_recover_is_asked_three_times(world, fault):
    service = world.open(world.new_key())
    world.fake.faults = [fault] * MANY

    with pytest.raises(KeyServiceAway):
        service.wrap(b"secret")

    assert world.fake.requests == 3


@services_over_the_network
def test_a_refusal_is_not_asked_for_twice(world):
    service = world.open("no-such-key")

    with pytest.raises(KeyServiceRefuses):
        service.wrap(b"secret")

    assert world.fake.requests == 1 + len(getattr(world.fake, "token_requests", []))


@services_over_the_network
@pytest.mark.slow
@pytest.mark.parametrize("fault", ["hang", "trickle"])
def test_a_service_that_never_ends_its_answer_is_left_alone(world, fault):
    service = world.open(world.new_key(), timeout_seconds=0.1)
    world.fake.faults = [fault] * MANY

    with pytest.raises(KeyServiceAway):
        service.wrap(b"secret")


@services_over_the_network
def test_a_service_that_is_not_there_is_away(world):
    service = world.open(world.new_key())
    world.close()

    with pytest.raises(KeyServiceAway) as refused:
        service.wrap(b"secret")

    assert refused.value.retry_after_seconds


@services_over_the_network
def test_secrets_are_in_no_log(world, caplog):
    import base64

    caplog.set_level("DEBUG")
    service, secret = world.open(world.new_key()), secrets.token_bytes(32)
    service.unwrap(service.wrap(secret))

    forms = {base64.b64encode(secret).decode().rstrip("="), base64.urlsafe_b64encode(secret).decode().rstrip("=")}

    assert not [form for form in forms | getattr(world.fake, "tokens", set()) if form in caplog.text]


@every_service
def test_a_trial_shows_that_all_is_well(world):
    trials = try_out(world.open(world.new_key()))

    assert [(trial.step, trial.is_ok) for trial in trials] == [("wrap", True), ("unwrap", True), ("tamper", True)]
    assert all(trial.milliseconds > 0 for trial in trials)


@strict_services
def test_a_trial_ends_where_the_service_refuses(world):
    key = world.new_key()
    world.disable(key)

    [trial] = try_out(world.open(key))

    assert (trial.step, trial.is_ok) == ("wrap", False)
    assert key in str(trial.detail)


def test_a_trial_finds_a_service_that_minds_no_change():
    class Careless:
        name, key_name = "careless", "key"

        def wrap(self, secret):
            self.secret = secret
            return secret[::-1]

        def unwrap(self, wrapped):
            return self.secret

    assert [trial.is_ok for trial in try_out(Careless())] == [True, True, False]
