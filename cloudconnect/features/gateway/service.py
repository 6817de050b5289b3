"""The verbs of the gateway room."""

from collections.abc import Sequence
from datetime import timedelta

from cloudconnect.bus import EventLog
from cloudconnect.database import Database
from cloudconnect.features.gateway import store
from cloudconnect.features.gateway.errors import KeyInFlight, KeyReused
from cloudconnect.features.gateway.models import Remembered
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql

_REMEMBERED_FOR = timedelta(hours=24)


class GatewayService:
    """Remembers answers by idempotency key for 24 hours (draft-ietf-httpapi-idempotency-key-header-07)."""

    def __init__(self, log: EventLog, database: Database, clock: Clock) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._in_flight: set[tuple[str, str]] = set()

    async def recall(self, principal: Principal, key: str, fingerprint: bytes) -> Remembered | None:
        """Return the answer given under *key*; None means go on, and end with ``remember`` or ``forget``.

        Raises:
            KeyReused: the key stands for a request with another fingerprint.
            KeyInFlight: a request with this key is being worked on.
        """
        place = (principal.id, key)
        if place in self._in_flight:
            raise KeyInFlight(fix=N_("Wait a moment and ask again."), retry_after_seconds=1)
        self._in_flight.add(place)
        since_ms = to_ms(self._clock.now() - _REMEMBERED_FOR)
        try:
            answer = await self._database.read(lambda sql: store.find(sql, principal.id, key, since_ms))
        except BaseException:
            self._in_flight.discard(place)
            raise
        if answer is None:
            return None
        self._in_flight.discard(place)
        if answer.fingerprint != fingerprint:
            raise KeyReused(fix=N_("Use a fresh key for each request."))
        return answer

    async def remember(
        self, principal: Principal, key: str, fingerprint: bytes, status: int, headers: dict[str, str], body: bytes
    ) -> None:
        """Keep the answer to the request that is in flight under *key*."""
        answer = Remembered(fingerprint, status, headers, body)
        try:
            await self._log.commit(
                lambda unit: store.add(unit.sql, principal.id, key, answer, unit.now_ms), actor=principal
            )
        finally:
            self.forget(principal, key)

    def forget(self, principal: Principal, key: str) -> None:
        """Let *key* go without an answer: the request failed in a way that a repeat may mend."""
        self._in_flight.discard((principal.id, key))

    def forget_answers(self, sql: Sql, principals: Sequence[str]) -> None:
        """Forget what was answered to *principals*, in the transaction of *sql*: a repeated request is a new act."""
        store.remove_answers(sql, principals)

    async def remove_old(self) -> None:
        """Drop answers older than 24 hours; a job calls this once an hour."""
        before_ms = to_ms(self._clock.now() - _REMEMBERED_FOR)
        await self._log.commit(lambda unit: store.remove_before(unit.sql, before_ms), actor=APPLIANCE)
