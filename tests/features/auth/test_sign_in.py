"""Signing in, accounts, and the ways in for those without a password."""

from datetime import timedelta

import pytest

from cloudconnect.kernel.errors import (
    Conflict,
    Denied,
    Exhausted,
    Invalid,
    NotFound,
    StepUp,
    Unauthenticated,
)
from cloudconnect.kernel.tokens import TokenKind, new_token, token_kind

WAY_IN = {"device": "a test", "address": "127.0.0.1"}


async def test_the_right_password_opens_a_session_that_is_recognised(rooms, ada):
    opened = await rooms.auth.sign_in("Ada", "a fine secret", **WAY_IN)
    principal = await rooms.auth.authenticate(opened.token, address="127.0.0.1")
    assert (principal.id, principal.is_admin) == (ada.id, True)
    assert principal.credential == opened.session.id


@pytest.mark.parametrize(
    ("name", "password"),
    [
        pytest.param("ada", "wrong", id="wrong password"),
        pytest.param("nobody", "a fine secret", id="unknown name"),
        pytest.param("../etc", "a fine secret", id="impossible name"),
    ],
)
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(rooms, ada, name, password):
    with pytest.raises(Unauthenticated) as caught:
        await rooms.auth.sign_in(name, password, **WAY_IN)
    assert caught.value.code == "auth.bad-credentials"
    assert str(caught.value) == "The name or the password is wrong"


async def test_guessing_is_slowed_down_and_never_locks_out_for_good(rooms, ada):
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await rooms.auth.sign_in("ada", "wrong", **WAY_IN)
    with pytest.raises(Exhausted) as caught:
        await rooms.auth.sign_in("ada", "a fine secret", **WAY_IN)
    assert caught.value.retry_after_seconds >= 1
    rooms.clock.advance(timedelta(minutes=16))
    await rooms.auth.sign_in("ada", "a fine secret", **WAY_IN)


async def test_a_disabled_account_is_out_at_once(rooms, ada, bob):
    opened = await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)
    await rooms.auth.authenticate(opened.token, address="")
    await rooms.auth.change_account(ada, "bob", is_disabled=True)
    with pytest.raises(Unauthenticated):
        await rooms.auth.authenticate(opened.token, address="")
    with pytest.raises(Unauthenticated):
        await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)


async def test_ones_own_password_needs_the_current_one(rooms, bob):
    opened = await rooms.auth.sign_in("bob", "a fine secret", **WAY_IN)
    principal = await rooms.auth.authenticate(opened.token, address="")
    for current in ("wrong", None):
        with pytest.raises(Unauthenticated):
            await rooms.auth.set_password(principal, "bob", "quite another one", current)


@pytest.mark.parametrize("password", ["short", "x" * 257, "password123"])
async def test_weak_passwords_are_refused(rooms, bob, password):
    with pytest.raises(Invalid):
        await rooms.auth.set_password(bob, "bob", password, "a fine secret")


async def test_a_one_time_link_works_once(rooms, ada, bob):
    token, _ = await rooms.auth.add_sign_in_link(ada, "bob")
    opened = await rooms.auth.sign_in_by_link(token, **WAY_IN)
    assert opened.account.id == bob.id
    with pytest.raises(Unauthenticated):
        await rooms.auth.sign_in_by_link(token, **WAY_IN)


async def test_a_one_time_link_ends_after_ten_minutes(rooms, ada, bob):
    token, expires = await rooms.auth.add_sign_in_link(ada, "bob")
    assert expires - rooms.clock.now() == timedelta(minutes=10)
    rooms.clock.advance(timedelta(minutes=10))
    with pytest.raises(Unauthenticated):
        await rooms.auth.sign_in_by_link(token, **WAY_IN)


async def test_acts_that_take_an_account_over_need_a_fresh_proof(rooms, ada, bob):
    rooms.clock.advance(timedelta(minutes=11))
    with pytest.raises(StepUp):
        await rooms.auth.add_sign_in_link(ada, "bob")
    with pytest.raises(StepUp):
        await rooms.auth.set_password(ada, "bob", "quite another one", None)


async def test_only_administrators_keep_accounts(rooms, ada, bob):
    with pytest.raises(Denied):
        await rooms.auth.add_account(bob, "eve", "", None, is_admin=True)
    with pytest.raises(Denied):
        await rooms.auth.find_accounts(bob, 10, None)
    with pytest.raises(Denied):
        await rooms.auth.get_account(bob, "ada")
    with pytest.raises(Denied):
        await rooms.auth.change_account(bob, "bob", is_admin=True)
    renamed = await rooms.auth.change_account(bob, "bob", display_name="Bob B.")
    assert renamed.display_name == "Bob B."


async def test_names_are_unique_and_well_formed(rooms, ada):
    with pytest.raises(Conflict):
        await rooms.auth.add_account(ada, "ADA", "", None, is_admin=False)
    for name in ("", "a b", "-a", "ä", "x" * 65):
        with pytest.raises(Invalid):
            await rooms.auth.add_account(ada, name, "", None, is_admin=False)


async def test_the_last_administrator_stays_one(rooms, ada, bob):
    with pytest.raises(Denied):
        await rooms.auth.change_account(ada, "ada", is_admin=False)
    with pytest.raises(Denied):
        await rooms.auth.change_account(ada, "ada", is_disabled=True)
    await rooms.auth.change_account(ada, "bob", is_admin=True)
    await rooms.auth.change_account(ada, "ada", is_admin=False)


async def test_accounts_are_listed_in_pages(rooms, ada, bob):
    first = await rooms.auth.find_accounts(ada, 1, None)
    second = await rooms.auth.find_accounts(ada, 1, first.next_cursor)
    assert [each.name for each in (*first.items, *second.items)] == ["ada", "bob"]
    assert second.next_cursor is None
    with pytest.raises(NotFound):
        await rooms.auth.get_account(ada, "eve")


async def test_setup_is_open_until_the_first_administrator_has_a_password(rooms):
    token, _ = await rooms.auth.open_setup(None)
    opened = await rooms.auth.sign_in_by_link(token, **WAY_IN)
    principal = await rooms.auth.authenticate(opened.token, address="")
    assert (principal.name, principal.is_admin) == ("admin", True)
    assert await rooms.auth.open_setup(None) is not None
    await rooms.auth.set_password(principal, "admin", "a fine secret", None)
    assert await rooms.auth.open_setup(None) is None


async def test_setup_with_a_password_needs_no_link(rooms):
    assert await rooms.auth.open_setup("a fine secret") is None
    await rooms.auth.sign_in("admin", "a fine secret", **WAY_IN)


async def test_the_local_administrator_may_set_a_forgotten_password(rooms, ada):
    local = await rooms.auth.local_administrator()
    await rooms.auth.set_password(local, "ada", "quite another one", None)
    await rooms.auth.sign_in("ada", "quite another one", **WAY_IN)


@pytest.mark.parametrize("token", ["", "x", "ccs_lo_short_000000", "ccp_lo_" + "é" * 43 + "_000000", "a" * 5_000])
async def test_what_is_no_token_is_refused_without_a_look_at_the_database(rooms, token):
    with pytest.raises(Unauthenticated):
        await rooms.auth.authenticate(token, address="")


def test_a_mistyped_token_is_recognised():
    token = new_token(TokenKind.PERSONAL, "local")
    assert token_kind(token) is TokenKind.PERSONAL
    assert token_kind(token[:-1] + ("0" if token[-1] != "0" else "1")) is None
