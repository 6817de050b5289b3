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
_GATHER_SECONDS = 0.02
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 30.0
_ERROR_LENGTH = 500

Handle = Callable[[StoredFact], Awaitable[None]]
HandleInUnit = Callable[[Unit, StoredFact], None]
Pause = Callable[[float], Awaitable[None]]
Done = Callable[[Unit], None]
"""What to note in our database once a listener is through with a fact."""


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

    async def find_parked(self, limit: int, after: tuple[int, str] = (0, "")) -> list[Parked]:
        """Return up to *limit* facts that listeners gave up on, oldest first, behind position and listener *after*."""
        return await self._database.read(lambda sql: store.find_parked(sql, limit, after))

    async def is_parked(self, listener: str, position: int) -> bool:
        """Tell whether *listener* gave up on the fact at *position*."""
        return await self._database.look(lambda sql: store.is_parked(sql, listener, position))

    async def retry_parked(self, listener: str, position: int) -> bool:
        """Give a parked fact to its listener once more; return whether that went well. The bookmark stays."""
        stored = await self._database.read(lambda sql: store.find_fact(sql, position))
        known = self._listeners.get(listener)
        if stored is None or known is None:
            return False

        def done(unit: Unit) -> None:
            store.remove_parked(unit.sql, listener, position)

        error = await self._try(known, stored, done, attempts=1)
        if error is not None:
            await self._log.commit(_parking(known, stored, 1, error), actor=APPLIANCE)
        return error is None

    async def _listen(self, listener: Listener) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                position = await self._open_bookmark(listener)
                while True:
                    position = await self._read_on(listener, position)
                    pause = _FIRST_PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody else would go on from the bookmark
                log.warning("bus.listener_interrupted", listener=listener.name, error=repr(error))
                await self._pause(pause)
                pause = min(pause * 4, _LONGEST_PAUSE_SECONDS)

    async def _read_on(self, listener: Listener, position: int) -> int:
        kinds = None if listener.kinds is None else sorted(listener.kinds)
        end = self._log.position

        def ask(sql: Sql) -> list[StoredFact]:
            return self._log.find_facts(sql, position, _FACTS_AT_ONCE, kinds)

        facts = await self._database.read(ask)
        for stored in facts:
            await self._handle(listener, stored)
        if len(facts) == _FACTS_AT_ONCE:
            return facts[-1].position
        # Facts of other kinds up to the end need no bookmark of their own: skipping them again costs nothing.
        read = max([position, end, *(stored.position for stored in facts)])
        while True:
            await self._log.wait_beyond(read)
            # Each trip to the database costs about as much as a small upload; under load one serves many facts.
            await asyncio.sleep(_GATHER_SECONDS)
            if self._log.has_news(read, listener.kinds):
                return read
            read = self._log.position

    async def _open_bookmark(self, listener: Listener) -> int:
        position = await self._database.read(lambda sql: store.find_bookmark(sql, listener.name))
        if position is None:
            position = 0 if listener.from_start else self._log.position
            await self._log.commit(_moving(listener, position), actor=APPLIANCE)
        return position

    async def _handle(self, listener: Listener, stored: StoredFact) -> None:
        move = _moving(listener, stored.position)
        error = await self._try(listener, stored, move, attempts=ATTEMPTS)
        if error is not None:
            park = _parking(listener, stored, ATTEMPTS, error)

            def give_up(unit: Unit) -> None:
                park(unit)
                move(unit)

            await self._log.commit(give_up, actor=APPLIANCE)

    async def _try(self, listener: Listener, stored: StoredFact, done: Done, *, attempts: int) -> Exception | None:
        last: Exception | None = None
        for attempt in range(1, attempts + 1):
            if last is not None:
                await self._pause(_FIRST_PAUSE_SECONDS * 4 ** (attempt - 1))
            try:
                await self._react(listener, stored, done)
            except Exception as error:  # noqa: BLE001 - a listener may fail in any way; the fact must not be lost
                last = error
                log.warning(
                    "bus.reaction_failed",
                    listener=listener.name,
                    position=stored.position,
                    attempt=attempt,
                    error=repr(error),
                )
            else:
                return None
        return last

    async def _react(self, listener: Listener, stored: StoredFact, done: Done) -> None:
        in_unit = listener.in_unit
        if listener.handle is not None:
            await listener.handle(stored)

        def change(unit: Unit) -> None:
            if in_unit is not None:
                in_unit(unit, stored)
            done(unit)

        await self._log.commit(change, actor=APPLIANCE)


def _moving(listener: Listener, position: int) -> Done:
    return lambda unit: store.set_bookmark(unit.sql, listener.name, position)


def _parking(listener: Listener, stored: StoredFact, attempts: int, error: Exception) -> Done:
    reason = repr(error)[:_ERROR_LENGTH].replace("\0", "")
    log.error("bus.fact_parked", listener=listener.name, position=stored.position, kind=stored.fact.kind)
    return lambda unit: store.add_parked(
        unit.sql, Parked(listener.name, stored.position, attempts, reason, unit.now_ms)
    )
