"""Bringing facts to those who react: each listener with a task and a durable bookmark of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from cloudconnect.bus import store
from cloudconnect.bus.log import EventLog
from cloudconnect.bus.store import Parked
from cloudconnect.bus.unit import StoredFact, Unit
from cloudconnect.database import Database
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.sql import Sql

log = structlog.get_logger()

ATTEMPTS = 5
_FACTS_AT_ONCE = 200
_FIRST_PAUSE_SECONDS = 0.1
_ERROR_LENGTH = 500

Handle = Callable[[StoredFact], Awaitable[None]]
HandleInUnit = Callable[[Unit, StoredFact], None]
Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A named reader of the log, with one of two ways to react.

    ``in_unit`` changes our own database in the unit that moves the bookmark: exactly once. ``handle`` has effects
    outside: at least once, with the fact's id to recognise a repetition. ``kinds`` are those it cares for, all when
    None; ``from_start`` says whether a listener that has never read begins with the first fact or with the next one.
    """

    name: str
    in_unit: HandleInUnit | None = None
    handle: Handle | None = None
    kinds: frozenset[str] | None = None
    from_start: bool = True


class Dispatcher:
    """Runs the listeners. A fact that fails five times is parked for a person, and the listener goes on."""

    def __init__(self, log: EventLog, database: Database, *, pause: Pause = asyncio.sleep) -> None:
        self._log = log
        self._database = database
        self._pause = pause
        self._listeners: dict[str, Listener] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def subscribe(self, listeners: list[Listener]) -> None:
        """Add listeners; their names must be unique, since a name is where the bookmark hangs."""
        for listener in listeners:
            if listener.name in self._listeners:
                raise ValueError(f"two listeners are called {listener.name}")
            self._listeners[listener.name] = listener

    def start(self) -> None:
        """Start a task for each listener."""
        self._tasks = [
            asyncio.create_task(self._listen(each), name=f"listener {each.name}") for each in self._listeners.values()
        ]

    async def stop(self) -> None:
        """End the tasks; what was being handled is handled again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def find_parked(self, limit: int) -> list[Parked]:
        """Return up to *limit* facts that listeners gave up on, oldest first."""
        return await self._database.read(lambda sql: store.find_parked(sql, limit))

    async def retry_parked(self, listener: str, position: int) -> bool:
        """Give a parked fact to its listener once more; return whether that went well."""
        stored = await self._database.read(lambda sql: store.find_fact(sql, position))
        known = self._listeners.get(listener)
        if stored is None or known is None or not await self._try(known, stored, attempts=1):
            return False
        await self._log.commit(lambda unit: store.remove_parked(unit.sql, listener, position), actor=APPLIANCE)
        return True

    async def _listen(self, listener: Listener) -> None:
        position = await self._open_bookmark(listener)
        kinds = None if listener.kinds is None else sorted(listener.kinds)
        while True:
            end = self._log.position

            def ask(sql: Sql, after: int = position) -> list[StoredFact]:
                return self._log.find_facts(sql, after, _FACTS_AT_ONCE, kinds)

            facts = await self._database.read(ask)
            for stored in facts:
                await self._handle(listener, stored)
                position = stored.position
            if len(facts) < _FACTS_AT_ONCE:
                # Facts of other kinds up to the end need no bookmark of their own: skipping them again costs nothing.
                position = max(position, end)
                await self._log.wait_beyond(position)

    async def _open_bookmark(self, listener: Listener) -> int:
        position = await self._database.read(lambda sql: store.find_bookmark(sql, listener.name))
        if position is None:
            position = 0 if listener.from_start else self._log.position
            await self._move(listener, position)
        return position

    async def _handle(self, listener: Listener, stored: StoredFact) -> None:
        if not await self._try(listener, stored, attempts=ATTEMPTS):
            await self._move(listener, stored.position)

    async def _try(self, listener: Listener, stored: StoredFact, *, attempts: int) -> bool:
        for attempt in range(1, attempts + 1):
            try:
                await self._react(listener, stored)
            except Exception as error:  # noqa: BLE001 - a listener may fail in any way; the fact must not be lost
                log.warning(
                    "bus.reaction_failed",
                    listener=listener.name,
                    position=stored.position,
                    attempt=attempt,
                    error=repr(error),
                )
                if attempt == attempts:
                    await self._park(listener, stored, attempts, error)
                else:
                    await self._pause(_FIRST_PAUSE_SECONDS * 4**attempt)
            else:
                return True
        return False

    async def _react(self, listener: Listener, stored: StoredFact) -> None:
        in_unit = listener.in_unit
        if in_unit is not None:

            def change(unit: Unit) -> None:
                in_unit(unit, stored)
                store.set_bookmark(unit.sql, listener.name, stored.position)

            await self._log.commit(change, actor=APPLIANCE)
        if listener.handle is not None:
            await listener.handle(stored)
            await self._move(listener, stored.position)

    async def _park(self, listener: Listener, stored: StoredFact, attempts: int, error: Exception) -> None:
        def change(unit: Unit) -> None:
            reason = repr(error)[:_ERROR_LENGTH].replace("\0", "")
            store.add_parked(unit.sql, Parked(listener.name, stored.position, attempts, reason, unit.now_ms))

        await self._log.commit(change, actor=APPLIANCE)
        log.error("bus.fact_parked", listener=listener.name, position=stored.position, kind=stored.fact.kind)

    async def _move(self, listener: Listener, position: int) -> None:
        await self._log.commit(lambda unit: store.set_bookmark(unit.sql, listener.name, position), actor=APPLIANCE)
