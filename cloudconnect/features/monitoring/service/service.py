"""The verbs of the monitoring room."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, Gauge

from cloudconnect.bus import EventLog
from cloudconnect.database import Database
from cloudconnect.features.monitoring import store
from cloudconnect.features.monitoring.models import Report
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.access import Access
from cloudconnect.ports.health import StoreHealth
from cloudconnect.ports.sql import Sql

_PROBE_SECONDS = 5.0

Check = Callable[[], Awaitable[str]]
"""Returns ``ok``, or a word for what is wrong."""

words = structlog.get_logger()


class MonitoringService:
    """Says whether the appliance is ready, how it fares, and hands out its metrics."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        access: Access,
        health: StoreHealth,
        *,
        version: str,
        started: datetime,
        database_name: str,
        storage_name: str,
    ) -> None:
        self._log = log
        self._database = database
        self._access = access
        self._health = health
        self._version = version
        self._started = started
        self._database_name = database_name
        self._storage_name = storage_name
        self._checks: dict[str, Check] = {}
        self.registry = CollectorRegistry()
        self._database_damaged = Gauge(
            "cloudconnect_database_damaged", "Whether the last check found the database damaged", registry=self.registry
        )
        Gauge(
            "cloudconnect_database_memory_bytes",
            "Memory that SQLite holds, most of it pages that were read; bounded for each connection",
            registry=self.registry,
        ).set_function(database.memory_bytes)
        self._away = Gauge("cloudconnect_storage_away", "Storages that do not answer", registry=self.registry)
        self._damaged = Gauge(
            "cloudconnect_damaged",
            "Packs, chunks and versions of files that are damaged",
            ["what"],
            registry=self.registry,
        )

    def add_check(self, name: str, check: Check) -> None:
        """Ask *check* as well, before the start."""
        self._checks[name] = check

    async def is_ready(self) -> dict[str, str]:
        """Return what each check found: ``ok``, or a word for what is wrong."""
        found = {"database": await self._probe_database(), "storage": self._health.state}
        if found["database"] == "ok":
            found |= {name: await check() for name, check in self._checks.items()}
        return found

    async def status(self, principal: Principal) -> Report:
        """Return the whole report, for an administrator."""
        self._access.require_admin(principal)
        position = self._log.position

        def ask(sql: Sql) -> Report:
            packs, stored = store.count_packs(sql)
            damage = store.count_damaged(sql)
            return Report(
                version=self._version,
                started=self._started,
                position=position,
                database=self._database_name,
                schema=self._database.schema_version(),
                storage=self._storage_name,
                store_state=self._health.state,
                packs=packs,
                stored_bytes=stored,
                free_bytes=self._health.free_bytes(),
                users=store.count_accounts(sql),
                spaces=store.count_spaces(sql),
                listeners={name: max(position - read, 0) for name, read in store.find_bookmarks(sql).items()},
                parked=store.count_parked(sql),
                damaged_packs=damage.packs,
                damaged_chunks=damage.chunks,
                damaged_files=damage.files,
                away=self._health.away,
                database_check=self._database.checked,
            )

        return await self._database.read(ask)

    async def check_database(self, *, is_full: bool = False) -> None:
        """Verify the database; ``status``, the metrics and the log tell what was found."""
        found = await self._database.check(is_full=is_full)
        is_damaged = found not in {"ok", ""}
        self._database_damaged.set(is_damaged)
        if is_damaged:
            words.error("database.damaged", found=found)

    async def measure(self) -> None:
        """Count anew what the metrics tell of the store."""
        damage = await self._database.read(store.count_damaged)
        for what, count in damage._asdict().items():
            self._damaged.labels(what).set(count)
        self._away.set(len(self._health.away))

    async def _probe_database(self) -> str:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._database.read(store.probe)
        except (TimeoutError, CloudConnectError):
            return "unreachable"
        return "ok"
