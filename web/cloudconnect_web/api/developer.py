"""Tokens for programs."""

from cloudconnect.features.developer import Token
from cloudconnect.wire import developer as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation


async def find_tokens(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.Token]:
    """List one's own tokens, oldest first."""
    return to_page(await call.appliance.developer.find_tokens(call.principal, limit, cursor), _to_token)


async def add_token(call: Call, body: wire.NewToken) -> wire.MadeToken:
    """Make a token; its text is shown in this answer and never again."""
    text, token = await call.appliance.developer.add_token(call.principal, body.name, body.scopes, body.expires_in_days)
    return wire.MadeToken(text, token.id, token.name, sorted(token.scopes), token.expires)


async def revoke_token(call: Call, token: str) -> None:
    """Revoke one's own tokens with this id or name."""
    await call.appliance.developer.revoke_token(call.principal, token)


def _to_token(token: Token) -> wire.Token:
    return wire.Token(
        id=token.id,
        name=token.name,
        scopes=sorted(token.scopes),
        created=token.created,
        expires=token.expires,
        used=token.used,
        used_address=token.used_address,
    )


OPERATIONS = [
    Operation(method="GET", path="/tokens", guard=Guard.ACCOUNT, handler=find_tokens),
    Operation(method="POST", path="/tokens", guard=Guard.ACCOUNT, handler=add_token, status=201, answers_secret=True),
    Operation(method="DELETE", path="/tokens/{token}", guard=Guard.ACCOUNT, handler=revoke_token, status=204),
]
