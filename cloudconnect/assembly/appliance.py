"""The appliance: everything that runs, and the order in which it starts and stops."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cloudconnect.bus import Dispatcher, EventLog, Jobs, Unit
from cloudconnect.database import Database
from cloudconnect.features.access import AccessService
from cloudconnect.features.auth import AuthService
from cloudconnect.features.backends import BackendsService
from cloudconnect.features.backup import BackupService
from cloudconnect.features.developer import DeveloperService
from cloudconnect.features.encryption import EncryptionService
from cloudconnect.features.files import (
    AccountingService,
    BrakeService,
    ChunkingService,
    ComparingService,
    CrossingRuns,
    CrossingService,
    DamageService,
    DetailsService,
    EditingRuns,
    EditingService,
    FilesService,
    FindingService,
    HistoryService,
    IntakeService,
    LocksService,
    ParticularsService,
    PropertiesService,
    PruningRuns,
    PruningService,
    PurgingService,
    ReturningService,
    SnapshotsService,
    SpacesService,
    TagsService,
    UploadsService,
    VersionsService,
)
from cloudconnect.features.gateway import GatewayService
from cloudconnect.features.monitoring import MonitoringService, ParkedFacts
from cloudconnect.features.operations import OperationsService
from cloudconnect.features.sessions import SessionsService
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.settings import Settings
from cloudconnect.storage import damage, index, life
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.catalog import Catalogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Appliance:
    """Everything that runs, and the order in which it starts and stops."""

    settings: Settings
    home: Path
    version: str
    clock: Clock
    database: Database
    log: EventLog
    dispatcher: Dispatcher
    jobs: Jobs
    vault: Vault
    access: AccessService
    auth: AuthService
    sessions: SessionsService
    developer: DeveloperService
    spaces: SpacesService
    files: FilesService
    intake: IntakeService
    accounting: AccountingService
    damage: DamageService
    details: DetailsService
    locks: LocksService
    properties: PropertiesService
    uploads: UploadsService
    history: HistoryService
    brake: BrakeService
    versions: VersionsService
    purging: PurgingService
    pruning: PruningService
    pruning_runs: PruningRuns
    snapshots: SnapshotsService
    chunking: ChunkingService
    comparing: ComparingService
    returning: ReturningService
    tags: TagsService
    finding: FindingService
    editing: EditingService
    crossing: CrossingService
    crossing_runs: CrossingRuns
    editing_runs: EditingRuns
    particulars: ParticularsService
    gateway: GatewayService
    monitoring: MonitoringService
    parked: ParkedFacts
    operations: OperationsService
    backends: BackendsService
    backup: BackupService
    encryption: EncryptionService
    catalogs: Catalogs
    notify_socket: str
    _checks: list["asyncio.Task[None]"] = field(default_factory=list)
    _damaged: list[bytes] = field(default_factory=list)
    _missing: list[bytes] = field(default_factory=list)
    _closers: list[Callable[[], None]] = field(default_factory=list)
    _fatal: list[Callable[[], None]] = field(default_factory=list)

    def on_fatal(self, call: Callable[[], None]) -> None:
        """Have *call* made, from any thread, when a disk error makes it unsafe to go on."""
        self._fatal.append(call)

    async def start(self) -> None:
        """Start the writer, the listeners and the jobs."""
        self.log.start()

        def note_recovery(unit: Unit) -> None:
            index.mark_damaged(unit.sql, self._damaged)
            damage.note_missing(unit.sql, self._missing, unit.now_ms)
            life.forget_dead_packs(unit.sql)

        await self.log.commit(note_recovery, actor=APPLIANCE)
        self.dispatcher.start()
        await self.operations.start_interrupted()
        await self.jobs.start()
        # Beside the start, for a large file takes a while.
        self._checks.append(asyncio.create_task(self.monitoring.check_database()))

    async def stop(self) -> None:
        """Stop what ``start`` started, in the other order, and close everything."""
        await self.jobs.stop()
        self.database.stop_check()
        await asyncio.gather(*self._checks)
        await asyncio.to_thread(self.catalogs.close)
        await self.operations.stop()
        await self.uploads.close()
        await self.dispatcher.stop()
        await self.log.stop()
        await self.vault.close()
        for close in self._closers:
            close()
