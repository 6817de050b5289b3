"""The files room: its services, each led by the same guide, and what they do by the clock."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from cloudconnect.bus import EventLog, Job, Jobs
from cloudconnect.database import Database
from cloudconnect.features.access import AccessService
from cloudconnect.features.files import (
    AccountingService,
    BrakeService,
    ChunkingService,
    ComparingService,
    CrossingRuns,
    CrossingService,
    DamageService,
    DetailsService,
    Disk,
    EditingRuns,
    EditingService,
    Erasing,
    FilesService,
    FindingService,
    Guide,
    HistoryService,
    IntakeService,
    LocksService,
    ParticularsService,
    PropertiesService,
    PruningRuns,
    PruningService,
    PurgingService,
    RestoringFiles,
    ReturningService,
    Reviving,
    SnapshotsService,
    SpacesService,
    TagsService,
    UploadLimits,
    UploadsService,
    VersionsService,
    Watermark,
)
from cloudconnect.features.operations import OperationsService
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.text import N_, Text
from cloudconnect.ports.accounts import Accounts
from cloudconnect.ports.operations import Kind
from cloudconnect.ports.vault import Vault
from cloudconnect.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What the files room offers."""

    spaces: SpacesService
    files: FilesService
    intake: IntakeService
    accounting: AccountingService
    damage: DamageService
    details: DetailsService
    locks: LocksService
    properties: PropertiesService
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
    erasing: Erasing
    restoring: RestoringFiles
    uploads: UploadsService
    tags: TagsService
    finding: FindingService
    editing: EditingService
    particulars: ParticularsService
    crossing: CrossingService
    crossing_runs: CrossingRuns
    editing_runs: EditingRuns


def open_files(
    settings: Settings,
    log: EventLog,
    database: Database,
    clock: Clock,
    access: AccessService,
    vault: Vault,
    operations: OperationsService,
    jobs: Jobs,
    accounts: Accounts,
) -> Filing:
    """Build the services of the room and declare their jobs."""
    guide = Guide(log, database, clock, access, vault)
    files = FilesService(log, database, guide, vault)
    intake = IntakeService(log, database, guide, vault)
    finding = FindingService(database, guide, clock, accounts)
    accounting = AccountingService(log, database, guide)
    limits = UploadLimits(timedelta(hours=settings.uploads.lifetime_hours), settings.uploads.most_open)
    uploads = UploadsService(log, database, clock, guide, vault, limits)
    jobs.add(Job("files.uploads", timedelta(minutes=10), uploads.remove_expired, is_noted=False))
    reviving = Reviving(log, database, uploads, accounts)
    jobs.add(Job("files.finishing", timedelta(minutes=1), reviving.go_on, is_noted=False))
    brake = BrakeService(log, database, clock, guide)
    jobs.add(Job("files.brake", timedelta(hours=1), brake.remove_old, is_noted=False))
    purging = PurgingService(
        log, database, clock, guide, timedelta(days=settings.retention.trash_days), _watermark(settings)
    )
    pruning = PruningService(log, database, clock, guide, settings.retention.versions)
    operations.add_kind(Kind("files.purge", Text(N_("Empty the trash of what is old")), "files", purging.purge_old))
    operations.add_kind(Kind("files.prune", Text(N_("Let old versions go")), "versions", pruning.prune))
    pruning_runs = PruningRuns(database, guide, pruning, operations)
    prunes = Text(N_("Let old versions of a space go"))
    operations.add_kind(Kind("files.prune-space", prunes, "versions", pruning_runs.run, is_personal=True))
    jobs.add(Job("files.purge", timedelta(hours=1), lambda: operations.start_due("files.purge")))
    jobs.add(Job("files.prune", timedelta(days=1), lambda: operations.start_due("files.prune")))
    operations.add_kind(Kind("files.recount", Text(N_("Count what spaces use")), "spaces", accounting.recount))
    jobs.add(Job("files.recount", timedelta(days=7), lambda: operations.start_due("files.recount")))
    crossing = CrossingService(log, database, guide, vault, files)
    crossing_runs = CrossingRuns(log, database, clock, crossing, operations, accounts)
    crosses = Text(N_("Copy or move into another space"))
    operations.add_kind(
        Kind("files.cross", crosses, "bytes", crossing_runs.run, is_personal=True, forget=crossing_runs.forget)
    )
    editing = EditingService(log, database, guide, clock, finding)
    editing_runs = EditingRuns(log, database, editing, operations, accounts)
    edits = Text(N_("Edit many files"))
    operations.add_kind(
        Kind("files.edit", edits, "files", editing_runs.run, is_personal=True, forget=editing_runs.forget)
    )
    return Filing(
        spaces=SpacesService(log, database, clock, guide, vault, accounts),
        files=files,
        intake=intake,
        accounting=accounting,
        damage=DamageService(database, access),
        details=DetailsService(database, guide, clock),
        locks=LocksService(log, database, guide, vault, clock),
        properties=PropertiesService(log, guide),
        brake=brake,
        versions=VersionsService(log, database, guide, vault),
        purging=purging,
        pruning=pruning,
        pruning_runs=pruning_runs,
        history=HistoryService(log, database, clock, guide, timedelta(days=settings.history.undo_days)),
        snapshots=SnapshotsService(log, database, guide),
        chunking=ChunkingService(log, database, clock, uploads),
        comparing=ComparingService(database, guide),
        returning=ReturningService(log, database, clock, guide),
        erasing=Erasing(guide),
        restoring=RestoringFiles(database, files, intake),
        uploads=uploads,
        tags=TagsService(log, database, guide),
        finding=finding,
        editing=editing,
        editing_runs=editing_runs,
        particulars=ParticularsService(log, database, guide, vault),
        crossing=crossing,
        crossing_runs=crossing_runs,
    )


def _watermark(settings: Settings) -> Watermark:
    """Return when the trash makes room: gc, once a day, frees it after its time of grace, and an hour may be lost."""
    # What lies in a bucket takes nothing of this disk, and giving it up would free nothing.
    percent = settings.retention.least_free_percent if settings.storage.backend == "local" else 0
    freed_within = timedelta(hours=settings.storage.gc_grace_hours + 25)
    return Watermark(partial(_measure_disk, settings.home), percent, freed_within)


def _measure_disk(home: Path) -> Disk:
    usage = shutil.disk_usage(home)
    return Disk(usage.total, usage.free)
