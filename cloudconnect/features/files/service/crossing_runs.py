"""Crossings that take long, as operations: they can be watched, paused and cancelled, and go on after a restart.

Each knows from the start which moment it copies and under which name its contents are held. It may stop at any instant:
what was carried is not carried again, and what has its names by then is only told again.
"""

from collections.abc import Mapping
from typing import Final

from cloudconnect.bus import EventLog
from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.crossings import Crossed, Crossing, Route
from cloudconnect.features.files.errors import CrossingExpired
from cloudconnect.features.files.models import Usage
from cloudconnect.features.files.service.acting import find_principal, to_parameters
from cloudconnect.features.files.service.crossing import CrossingService
from cloudconnect.features.files.service.ferrying import LIFETIME
from cloudconnect.features.files.store import crossing as store
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.accounts import Accounts
from cloudconnect.ports.operations import Operations, Outcome, Progress
from cloudconnect.ports.sql import Sql

CROSSING_KIND: Final = "files.cross"

MOST_FILES: Final = 1_000
MOST_BYTES: Final = 256 << 20
"""How much crosses while somebody waits for the answer; what is more becomes an operation."""


class CrossingRuns:
    """Does crossings: a small one at once, a large one as an operation."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        clock: Clock,
        crossing: CrossingService,
        operations: Operations,
        accounts: Accounts,
    ) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._crossing = crossing
        self._operations = operations
        self._accounts = accounts

    async def start(self, principal: Principal, crossing: Crossing) -> str | None:
        """Start the operation of a *crossing* between two spaces and return its id; None if it is done at once.

        Raises:
            Conflict: an operation of this kind that *principal* started is under way.
            CloudConnectError: whatever ``CrossingService.cross`` refuses before it begins.
        """
        if await self._crossing.is_within(principal, crossing):
            return None
        route = await self._crossing.find_route(principal, crossing)
        usage = await self._crossing.check(principal, route)
        if not is_large(usage):
            return None
        identifier = await self._crossing.begin(route)
        try:
            parameters = _to_parameters(principal, route, identifier)
            return await self._operations.start_own(principal, CROSSING_KIND, parameters)
        except BaseException:
            await self._crossing.drop(identifier)
            raise

    def run(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Do a crossing, or go on with it; an operation."""
        crossed = self._log.wait_for(self._run(parameters, progress))
        return {
            "path": crossed.entry.path,
            "seq": crossed.seq,
            "undo": crossed.undo,
            "source_undo": crossed.source_undo,
        }

    def forget(self, sql: Sql, parameters: Mapping[str, str]) -> None:
        """Let go of what a cancelled operation has carried."""
        store.drop(sql, parameters["held"])

    async def _run(self, parameters: Mapping[str, str], progress: Progress) -> Crossed:
        route, identifier, now = _to_route(parameters), parameters["held"], self._clock.now()
        landed = await self._database.read(lambda sql: store.find_landed(sql, identifier))
        if landed is not None:
            return await self._crossing.tell(route, landed)
        if not await self._database.read(lambda sql: store.is_open(sql, identifier, now)):
            raise CrossingExpired(
                N_("It stood still for {days} days, and what was copied is no longer held."),
                fix=N_("Begin it again."),
                days=LIFETIME.days,
            )
        principal = await self._database.read(lambda sql: find_principal(sql, self._accounts, parameters))
        return await self._carry(principal, route, identifier, progress)

    async def _carry(self, principal: Principal, route: Route, identifier: str, progress: Progress) -> Crossed:
        usage = await self._crossing.check(principal, route)
        done = await self._database.read(lambda sql: store.measure(sql, identifier))
        path = rules.join_path(route.names)

        def tell(size: int) -> None:
            nonlocal done
            progress.check()
            done += size
            progress.report(done, usage.logical_bytes, path)

        tell(0)
        await self._crossing.carry(principal, route, identifier, tell)
        progress.check()
        return await self._crossing.land(principal, route, identifier)


def is_large(usage: Usage) -> bool:
    """Tell whether so much becomes an operation."""
    return usage.files + usage.folders > MOST_FILES or usage.logical_bytes > MOST_BYTES


def _to_parameters(principal: Principal, route: Route, identifier: str) -> dict[str, str]:
    crossing = route.crossing
    return to_parameters(principal) | {
        "space": route.source,
        "path": rules.join_path(route.names),
        "into": route.target,
        "target": rules.join_path(route.to_names),
        "seq": str(route.seq),
        "move": "yes" if crossing.is_move else "no",
        "replace": "yes" if crossing.replace else "no",
        "held": identifier,
    }


def _to_route(parameters: Mapping[str, str]) -> Route:
    crossing = Crossing(
        space=parameters["space"],
        path=parameters["path"],
        into=parameters["into"],
        target=parameters["target"],
        is_move=parameters["move"] == "yes",
        replace=parameters["replace"] == "yes",
    )
    return Route(
        source=SpaceId(crossing.space),
        names=rules.parse_path(crossing.path),
        target=SpaceId(crossing.into),
        to_names=rules.parse_path(crossing.target),
        seq=int(parameters["seq"]),
        crossing=crossing,
    )
