"""Signed-in devices: listed, ended, and ending by themselves."""

from datetime import timedelta

import pytest

from cloudconnect.kernel.errors import NotFound, Unauthenticated

WAY_IN = {"device": "a test", "address": "127.0.0.1"}


async def test_sessions_are_listed_and_ended(rooms, bob):
    first = await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)
    await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)
    principal = await rooms.auth.authenticate(first.token, address="")
    assert len((await rooms.sessions.find_sessions(principal, 10, None)).items) == 2
    assert await rooms.sessions.revoke_others(principal) == 1
    assert [each.id for each in (await rooms.sessions.find_sessions(principal, 10, None)).items] == [first.session.id]
    with pytest.raises(NotFound):
        await rooms.sessions.revoke(principal, "ses_00000000000000000000000000")
    await rooms.sessions.sign_out(principal)
    assert (await rooms.sessions.find_sessions(principal, 10, None)).items == []


async def test_a_session_that_is_not_used_ends_by_itself(rooms, bob):
    opened = await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)
    rooms.clock.advance(timedelta(hours=11))
    await rooms.auth.authenticate(opened.token, address="")
    await rooms.sessions.write_down_seen()
    rooms.clock.advance(timedelta(hours=11))
    rooms.auth._recognised.clear()
    await rooms.auth.authenticate(opened.token, address="")
    rooms.clock.advance(timedelta(hours=13))
    rooms.auth._recognised.clear()
    with pytest.raises(Unauthenticated):
        await rooms.auth.authenticate(opened.token, address="")


async def test_a_new_password_ends_every_other_session(rooms, bob):
    kept = await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)
    other = await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)
    principal = await rooms.auth.authenticate(kept.token, address="")
    rooms.dispatcher.start()
    await rooms.auth.set_password(principal, "bob", "quite another one", "a fine secret")
    await rooms.log.wait_beyond(rooms.log.position)
    await rooms.auth.authenticate(kept.token, address="")
    with pytest.raises(Unauthenticated):
        await rooms.auth.authenticate(other.token, address="")
