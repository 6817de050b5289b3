"""Keys for programs: what they may do, and when they end."""

from datetime import timedelta

import pytest

from cloudconnect.kernel.errors import Denied, Invalid, NotFound, Unauthenticated
from cloudconnect.kernel.principal import PrincipalKind, Scope


async def test_tokens_act_within_their_scopes_until_they_are_revoked(rooms, ada):
    text, token = await rooms.developer.add_token(ada, "backup", ["files.read"], None)
    principal = await rooms.auth.authenticate(text, address="10.0.0.1")
    assert (principal.kind, principal.scopes) == (PrincipalKind.PROGRAM, {Scope.FILES_READ})
    await rooms.developer.write_down_used()
    (listed,) = (await rooms.developer.find_tokens(ada, 10, None)).items
    assert (listed.used, listed.used_address) == (rooms.clock.now(), "10.0.0.1")
    await rooms.developer.revoke_token(ada, "backup")
    assert (await rooms.developer.find_tokens(ada, 10, None)).items == []
    with pytest.raises(Unauthenticated):
        await rooms.developer.authenticate(b"", "")
    with pytest.raises(NotFound):
        await rooms.developer.revoke_token(ada, token.id)


async def test_a_token_ends_on_its_day(rooms, ada):
    text, _ = await rooms.developer.add_token(ada, "short", [], 1)
    rooms.clock.advance(timedelta(days=1))
    with pytest.raises(Unauthenticated):
        await rooms.auth.authenticate(text, address="")


async def test_nobody_gives_away_a_power_they_lack(rooms, bob):
    with pytest.raises(Denied):
        await rooms.developer.add_token(bob, "root", ["admin"], None)
    with pytest.raises(Invalid):
        await rooms.developer.add_token(bob, "odd", ["everything"], None)
