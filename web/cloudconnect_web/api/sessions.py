"""Signed-in devices."""

from typing import Annotated

import msgspec

from cloudconnect.features.sessions import Session
from cloudconnect.kernel.ids import SessionId
from cloudconnect.wire import sessions as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation
from cloudconnect_web.problems import BadRequest


async def find_sessions(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.Session]:
    """List one's own signed-in devices, oldest first."""

    def to_shape(session: Session) -> wire.Session:
        return wire.Session(
            id=session.id,
            device=session.device,
            address=session.address,
            method=session.method,
            created=session.created,
            seen=session.seen,
            expires=session.expires,
            is_current=session.id == call.principal.credential,
        )

    return to_page(await call.appliance.sessions.find_sessions(call.principal, limit, cursor), to_shape)


async def end_session(call: Call, session: str) -> None:
    """End one of one's own sessions; ``current`` names the one that asks."""
    if session == "current":
        await call.appliance.sessions.sign_out(call.principal)
    else:
        await call.appliance.sessions.revoke(call.principal, SessionId(session))


async def end_other_sessions(
    call: Call, others: Annotated[bool, msgspec.Meta(description="Must be true.")]
) -> wire.Ended:
    """End every session of one's own but the one that asks."""
    if not others:
        raise BadRequest("others must be true")
    return wire.Ended(await call.appliance.sessions.revoke_others(call.principal))


OPERATIONS = [
    Operation(method="GET", path="/sessions", guard=Guard.ACCOUNT, handler=find_sessions),
    Operation(method="DELETE", path="/sessions", guard=Guard.ACCOUNT, handler=end_other_sessions),
    Operation(method="DELETE", path="/sessions/{session}", guard=Guard.ACCOUNT, handler=end_session, status=204),
]
