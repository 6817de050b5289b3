"""Passwords stay right when their pepper is replaced, and are hashed anew with the newest."""

import pytest

from cloudconnect.adapters.argon2_passwords import Argon2Passwords


@pytest.fixture
def peppers():
    return {1: b"first"}


@pytest.fixture
def passwords(peppers):
    made = Argon2Passwords(lambda: dict(sorted(peppers.items(), reverse=True)), memory_kib=64, passes=1)
    yield made
    made.close()


async def test_a_hash_with_an_earlier_pepper_is_right_and_outdated(passwords, peppers):
    before = await passwords.hash("purple tram")
    assert not passwords.is_outdated(before)

    peppers[2] = b"second"
    after = await passwords.hash("purple tram")

    assert (before.startswith("$ccp$1$argon2id$"), after.startswith("$ccp$2$argon2id$")) == (True, True)
    assert (passwords.is_outdated(before), passwords.is_outdated(after)) == (True, False)
    for stored in (before, after):
        assert await passwords.is_right("purple tram", stored)
        assert not await passwords.is_right("green tram", stored)


async def test_a_hash_whose_pepper_is_not_known_is_never_right(passwords, peppers):
    peppers[2] = b"second"
    stored = await passwords.hash("purple tram")
    del peppers[2]

    assert not await passwords.is_right("purple tram", stored)
    assert not await passwords.is_right("purple tram", None)
