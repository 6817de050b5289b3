"""Facts that a listener gave up on."""

from cloudconnect.bus.store import Parked
from cloudconnect.kernel.clock import from_ms
from cloudconnect.wire import parked as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation


async def find_parked_facts(
    call: Call, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.ParkedFact]:
    """List the facts that a listener gave up on, oldest first."""
    return to_page(await call.appliance.parked.find(call.principal, limit, cursor), _to_parked)


async def retry_parked_fact(call: Call, fact: str) -> None:
    """Give a parked fact to its listener once more; it is parked no longer if that goes well."""
    await call.appliance.parked.retry(call.principal, fact)


def _to_parked(parked: Parked) -> wire.ParkedFact:
    return wire.ParkedFact(
        id=parked.id,
        listener=parked.listener,
        position=parked.position,
        kind=parked.kind,
        space=parked.space,
        attempts=parked.attempts,
        error=parked.error,
        parked=from_ms(parked.parked_ms),
    )


OPERATIONS = [
    Operation(method="GET", path="/parked-facts", guard=Guard.ADMIN, handler=find_parked_facts),
    Operation(
        method="POST", path="/parked-facts/{fact}/retry", guard=Guard.ADMIN, handler=retry_parked_fact, status=204
    ),
]
