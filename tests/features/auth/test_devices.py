"""A device on which somebody has signed in before is not slowed down by guessers elsewhere."""

from datetime import timedelta

import pytest

from cloudconnect.features.auth.service.devices import Devices
from cloudconnect.kernel.errors import Exhausted, Unauthenticated

HOME = {"device": "a laptop", "address": "192.0.2.1"}
ELSEWHERE = {"device": "a bot", "address": "203.0.113.9"}
RIGHT = "a fine secret"


@pytest.fixture
async def marks(rooms, ada):
    """What Ada's laptop keeps from her first session."""
    return (await rooms.auth.sign_in("ada", RIGHT, **HOME)).marks


async def guess(rooms, times, *, name="ada", **way):
    for _ in range(times):
        with pytest.raises((Unauthenticated, Exhausted)):
            await rooms.auth.sign_in(name, "wrong", **way)


async def test_guesses_from_elsewhere_do_not_keep_a_known_device_waiting(rooms, ada, marks):
    await guess(rooms, 20, **ELSEWHERE)

    opened = await rooms.auth.sign_in("Ada", RIGHT, **HOME, marks=marks)

    assert opened.account.id == ada.id


async def test_guesses_from_its_own_address_do_not_either(rooms, ada, marks):
    await guess(rooms, 20, name="bob", **HOME)

    assert await rooms.auth.sign_in("ada", RIGHT, **HOME, marks=marks)


async def test_an_unknown_device_waits_while_others_guess(rooms, ada, marks):
    await guess(rooms, 5, **ELSEWHERE)

    with pytest.raises(Exhausted):
        await rooms.auth.sign_in("ada", RIGHT, **HOME)


async def test_the_owner_who_comes_in_does_not_free_the_guesser(rooms, ada, marks):
    await guess(rooms, 5, **ELSEWHERE)
    await rooms.auth.sign_in("ada", RIGHT, **HOME, marks=marks)

    with pytest.raises(Exhausted):
        await rooms.auth.sign_in("ada", RIGHT, **ELSEWHERE)


async def test_guesses_on_a_known_device_slow_that_device_down(rooms, ada, marks):
    await guess(rooms, 5, **HOME, marks=marks)

    with pytest.raises(Exhausted):
        await rooms.auth.sign_in("ada", RIGHT, **HOME, marks=marks)
    assert await rooms.auth.sign_in("ada", RIGHT, **HOME), "the account itself is not slowed down"
    rooms.clock.advance(timedelta(minutes=16))
    assert await rooms.auth.sign_in("ada", RIGHT, **HOME, marks=marks)


@pytest.mark.parametrize(
    "worn",
    [
        pytest.param(lambda marks: marks[:-2], id="cut"),
        pytest.param(lambda marks: ("B" if marks[0] == "A" else "A") + marks[1:], id="another number"),
        pytest.param(lambda marks: marks[:-3] + ("AAA" if marks[-3:] != "AAA" else "BBB"), id="another MAC"),
        pytest.param(lambda marks: "…", id="no mark at all"),
        pytest.param(lambda marks: "." * 300, id="nothing but dots"),
    ],
)
async def test_what_the_appliance_has_not_made_is_no_mark(rooms, ada, marks, worn):
    await guess(rooms, 5, **ELSEWHERE)

    with pytest.raises(Exhausted):
        await rooms.auth.sign_in("ada", RIGHT, **HOME, marks=worn(marks))


async def test_a_mark_is_of_one_account(rooms, ada, bob, marks):
    await guess(rooms, 5, name="bob", **ELSEWHERE)

    with pytest.raises(Exhausted):
        await rooms.auth.sign_in("bob", RIGHT, **HOME, marks=marks)


async def test_a_device_is_known_to_all_who_sign_in_on_it(rooms, ada, bob, marks):
    shared = (await rooms.auth.sign_in("bob", RIGHT, **HOME, marks=marks)).marks
    for name in ("ada", "bob"):
        await guess(rooms, 5, name=name, **ELSEWHERE)

    for name in ("ada", "bob"):
        assert await rooms.auth.sign_in(name, RIGHT, **HOME, marks=shared)


async def test_a_one_time_link_makes_a_device_known(rooms, ada, bob):
    token, _ = await rooms.auth.add_sign_in_link(ada, "bob")
    marks = (await rooms.auth.sign_in_by_link(token, **HOME)).marks
    await guess(rooms, 5, name="bob", **ELSEWHERE)

    assert await rooms.auth.sign_in("bob", RIGHT, **HOME, marks=marks)


async def test_guesses_from_elsewhere_do_not_keep_anybody_from_a_new_password(rooms, bob):
    opened = await rooms.auth.sign_in("bob", RIGHT, **HOME)
    principal = await rooms.auth.authenticate(opened.token, address="")
    await guess(rooms, 20, name="bob", **ELSEWHERE)

    await rooms.auth.set_password(principal, "bob", "quite another one", RIGHT)


async def test_a_device_keeps_few_marks_the_newest_first():
    devices = Devices(lambda: b"k" * 32)
    marks = ""
    for name in ("a", "b", "a", "c", "d", "e", "f", "f"):
        marks = await devices.mark(marks, name)

    known = [name for name in "abcdef" if await devices.recognise(marks, name)]

    assert (len(marks.split(".")), known) == (5, ["a", "c", "d", "e", "f"])
    assert len(marks) <= 300


async def test_another_key_forgets_all_devices():
    marks = await Devices(lambda: b"k" * 32).mark("", "ada")

    assert await Devices(lambda: b"l" * 32).recognise(marks, "ada") == ""
