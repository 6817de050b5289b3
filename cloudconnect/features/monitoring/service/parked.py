"""Facts that a listener gave up on: an administrator sees them, and has them handled once their cause is gone."""

from cloudconnect.bus import Dispatcher
from cloudconnect.bus.store import Parked
from cloudconnect.features.monitoring.errors import NoSuchParkedFact, StillFails
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access

_LONGEST_NUMBER = 19


class ParkedFacts:
    """Lists parked facts, and gives them to their listeners again."""

    def __init__(self, access: Access, dispatcher: Dispatcher) -> None:
        self._access = access
        self._dispatcher = dispatcher

    async def find(self, principal: Principal, limit: int, cursor: str | None) -> Page[Parked]:
        """Return a page of the parked facts, oldest first."""
        self._access.require_admin(principal)
        position, listener = (0, "") if cursor is None else decode_cursor(cursor, int, str)
        found = await self._dispatcher.find_parked(limit + 1, (int(position), str(listener)))
        last = found[limit - 1] if len(found) > limit else None
        return Page(found[:limit], None if last is None else encode_cursor(last.position, last.listener))

    async def retry(self, principal: Principal, identifier: str) -> None:
        """Give the parked fact of this id (``Parked.id``) to its listener once more; it is parked no longer then.

        Raises:
            NoSuchParkedFact: there is none of this id.
            StillFails: the listener failed again.
        """
        self._access.require_admin(principal)
        number, _, listener = identifier.partition("-")
        position = int(number) if number.isascii() and number.isdigit() and len(number) < _LONGEST_NUMBER else 0
        if "\0" in identifier or not await self._dispatcher.is_parked(listener, position):
            raise NoSuchParkedFact(
                N_("There is no parked fact “{id}”."),
                fix=N_("See which there are: cloudconnect facts list"),
                id=identifier,
            )
        if not await self._dispatcher.retry_parked(listener, position):
            raise StillFails(
                N_("“{listener}” failed on the fact {position} again."),
                fix=N_("See why: cloudconnect facts list"),
                listener=listener,
                position=position,
            )
