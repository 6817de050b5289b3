"""What ends operations from outside."""

from cloudconnect.bus import Listener, StoredFact, Unit
from cloudconnect.events.developer import TokenRevoked
from cloudconnect.features.operations.service import OperationsService


def reactions(operations: OperationsService) -> list[Listener]:
    """Return the table fact → verb of this room.

    A token that is revoked does nothing more, whatever it has begun. A session that ends is no such sign: people leave
    while something long goes on, and cancel what is not theirs from another one.
    """

    def cancel_what_it_began(unit: Unit, stored: StoredFact) -> None:
        if isinstance(stored.fact, TokenRevoked):
            operations.cancel_started_with(unit, stored.fact.subject)

    return [
        Listener(
            name="operations", in_unit=cancel_what_it_began, kinds=frozenset({TokenRevoked.kind}), from_start=False
        )
    ]
