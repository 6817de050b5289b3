"""A repeated request is not a second act."""

from datetime import timedelta

import pytest

from cloudconnect.kernel.errors import Busy, Invalid


async def test_the_same_key_gets_the_same_answer(rooms, ada):
    assert await rooms.gateway.recall(ada, "k", b"print") is None
    await rooms.gateway.remember(ada, "k", b"print", 201, {"ETag": '"1"'}, b"body")
    again = await rooms.gateway.recall(ada, "k", b"print")
    assert (again.status, again.headers, again.body) == (201, {"ETag": '"1"'}, b"body")


async def test_a_key_stands_for_one_request_of_one_person(rooms, ada, bob):
    await rooms.gateway.recall(ada, "k", b"print")
    await rooms.gateway.remember(ada, "k", b"print", 200, {}, b"")
    with pytest.raises(Invalid):
        await rooms.gateway.recall(ada, "k", b"another")
    assert await rooms.gateway.recall(bob, "k", b"another") is None


async def test_two_at_once_do_not_both_act(rooms, ada):
    await rooms.gateway.recall(ada, "k", b"print")
    with pytest.raises(Busy):
        await rooms.gateway.recall(ada, "k", b"print")
    rooms.gateway.forget(ada, "k")
    assert await rooms.gateway.recall(ada, "k", b"print") is None


async def test_answers_are_forgotten_after_a_day(rooms, ada):
    await rooms.gateway.recall(ada, "k", b"print")
    await rooms.gateway.remember(ada, "k", b"print", 200, {}, b"")
    rooms.clock.advance(timedelta(hours=25))
    await rooms.gateway.remove_old()
    assert await rooms.gateway.recall(ada, "k", b"another") is None
