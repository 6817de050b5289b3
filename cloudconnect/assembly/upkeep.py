"""What the appliance does by itself, by the clock or when asked: long jobs and their times."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

import structlog

from cloudconnect.adapters.allocator import give_back_unused
from cloudconnect.assembly.keys import make_slot, slot_of
from cloudconnect.assembly.storing import EngineStore
from cloudconnect.bus import EventLog, Job, Jobs
from cloudconnect.database import Database
from cloudconnect.database.snapshot import write_snapshot
from cloudconnect.features.access import AccessService
from cloudconnect.features.backends import BackendsService
from cloudconnect.features.backup import BackupService
from cloudconnect.features.encryption import EncryptionService
from cloudconnect.features.files import HeldContents, HeldUploads
from cloudconnect.features.operations import OperationsService
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.text import N_, Text
from cloudconnect.ports.operations import Kind
from cloudconnect.ports.remnants import Remnants
from cloudconnect.ports.spaces import Spaces
from cloudconnect.settings import Settings
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backups import Hold
from cloudconnect.storage.ballast import Ballast
from cloudconnect.storage.catalog import LEFT_OUT, Catalogs, HeldCatalogs
from cloudconnect.storage.copies import find_copies
from cloudconnect.storage.gc import Gc, GcOptions
from cloudconnect.storage.migrate import Migration
from cloudconnect.storage.orphans import Orphans
from cloudconnect.storage.repair import Repair
from cloudconnect.storage.repository import RecoveryReport, Repository
from cloudconnect.storage.reseal import Reseal
from cloudconnect.storage.scrub import Scrub

words = structlog.get_logger()


def tell(report: RecoveryReport) -> None:
    """Log what start-up recovery found, if it found anything."""
    if report.damaged or report.orphans or report.removed_spools:
        words.warning(
            "storage.recovered",
            damaged=[pack.pack_id.hex() for pack in report.damaged],
            orphans=len(report.orphans),
            removed_spools=report.removed_spools,
        )


def add_upkeep(
    settings: Settings,
    repository: Repository,
    fleet: FleetBackend,
    store: EngineStore,
    orphans: Orphans,
    operations: OperationsService,
    jobs: Jobs,
) -> Hold:
    """Declare what looks after the store, and when it does so by itself; return what keeps gc from removing packs."""
    pack_bytes = settings.storage.pack_target_bytes
    gc = Gc(
        repository,
        store,
        [HeldContents(), HeldCatalogs(), HeldUploads()],
        GcOptions(settings.storage.gc_grace_hours * 3600.0, pack_bytes=pack_bytes),
    )
    scrub = Scrub(repository, store, pack_bytes, settings.storage.scrub_bytes_per_second)
    repair = Repair(repository, store, pack_bytes, lambda: find_copies(fleet.backends))
    operations.add_kind(Kind("storage.gc", Text(N_("Collect garbage")), "chunks", gc.run))
    operations.add_kind(Kind("storage.scrub", Text(N_("Verify what is stored")), "bytes", scrub.run))
    operations.add_kind(Kind("storage.orphans", Text(N_("Remove what was set aside")), "packs", orphans.run))
    operations.add_kind(Kind("storage.repair", Text(N_("Heal what is damaged")), "chunks", repair.run))
    jobs.add(Job("storage.gc", timedelta(days=1), lambda: operations.start_due("storage.gc")))
    jobs.add(Job("storage.orphans", timedelta(days=1), lambda: operations.start_due("storage.orphans")))
    jobs.add(Job("storage.scrub", timedelta(days=14), lambda: operations.start_due("storage.scrub")))
    return gc.hold


def add_ballast(settings: Settings, log: EventLog, jobs: Jobs) -> None:
    """Keep some room that is given up when the disk of the database is full."""
    ballast = Ballast(settings.home / "ballast", settings.storage.ballast_bytes, settings.storage.least_free_bytes)
    log.on_full(ballast.drop)
    jobs.add(Job("storage.ballast", timedelta(minutes=1), lambda: _in_a_thread(ballast.take), is_noted=False))
    jobs.add(Job("storage.memory", timedelta(minutes=5), lambda: _in_a_thread(give_back_unused), is_noted=False))


def add_catalogs(
    repository: Repository, database: Database, log: EventLog, operations: OperationsService, jobs: Jobs
) -> Catalogs:
    """Keep the tree among the packs, and return what does so."""
    catalogs = Catalogs(
        repository,
        EngineStore(database, log),
        lambda path: write_snapshot(database, path, without=LEFT_OUT),
        lambda: log.position,
    )
    operations.add_kind(Kind("storage.catalog", Text(N_("Keep a catalog")), "", catalogs.run))
    jobs.add(Job("storage.catalog", timedelta(minutes=15), lambda: _in_a_thread(catalogs.keep)))
    return catalogs


async def abort_old_uploads(fleet: FleetBackend, clock: Clock) -> None:
    """Abort what was begun to be put into a bucket long ago and never ended."""
    await _in_a_thread(lambda: fleet.abort_uploads(clock.now()))


async def _in_a_thread(work: Callable[[], object]) -> None:
    await asyncio.to_thread(work)


def offer_backups(operations: OperationsService, backup: BackupService, jobs: Jobs) -> None:
    """Declare what can be done with backups, and that the clock asks every few minutes whether one is due."""
    for name, title, run, check in (
        ("backup.create", N_("Make a backup"), backup.run_create, backup.check_create),
        ("backup.verify", N_("Verify a backup"), backup.run_verify, backup.check_read),
        ("backup.prune", N_("Remove old backups"), backup.run_prune, backup.check_prune),
        ("backup.restore", N_("Restore from a backup"), backup.run_restore, backup.check_read),
        ("backup.scheduled", N_("Make the backup that is due"), backup.run_scheduled, backup.check_create),
    ):
        operations.add_kind(Kind(name, Text(title), "bytes", run, check=check))

    async def start_due() -> None:
        for place in await asyncio.to_thread(backup.find_due):
            await operations.start_due("backup.scheduled", {"to": place})

    jobs.add(Job("backup.scheduled", timedelta(minutes=5), start_due, is_noted=False))
    jobs.add(Job("backup.uploads", timedelta(days=1), lambda: _in_a_thread(backup.abort_uploads)))
    jobs.add(Job("backup.marks", timedelta(minutes=5), lambda: _in_a_thread(backup.sign_marks), is_noted=False))
    jobs.add(Job("backup.overdue", timedelta(minutes=5), backup.tell_overdue, is_noted=False))


def offer_moving(operations: OperationsService, migration: Migration, backends: BackendsService) -> BackendsService:
    """Declare that packs can be moved between backends and these be tried out, and return *backends*."""
    operations.add_kind(Kind("storage.migrate", Text(N_("Move packs")), "bytes", migration.run, check=migration.check))
    title = Text(N_("Try a storage out"))
    operations.add_kind(Kind("storage.test", title, "objects", backends.try_out, check=backends.check_known))
    return backends


def add_keys(
    settings: Settings,
    log: EventLog,
    database: Database,
    access: AccessService,
    repository: Repository,
    spaces: Spaces,
    rewrite_copies: Callable[[], Mapping[str, bool]],
    operations: OperationsService,
    remnants: Remnants,
) -> EncryptionService:
    """Build the room of keys, and declare its long jobs."""
    pack_bytes, rate = settings.storage.pack_target_bytes, settings.storage.scrub_bytes_per_second
    encryption = EncryptionService(
        log,
        database,
        access,
        repository,
        Reseal(repository, EngineStore(database, log), pack_bytes, rate),
        spaces,
        slot=partial(slot_of, settings),
        make_slot=partial(make_slot, settings.home),
        rewrite_copies=rewrite_copies,
        remnants=remnants,
    )
    reseals, shreds = Text(N_("Seal a space anew")), Text(N_("Destroy a space"))
    for name, title, unit, run, check in (
        ("encryption.reseal", reseals, "bytes", encryption.run_reseal, encryption.check_reseal),
        ("encryption.shred", shreds, "chunks", encryption.run_shred, encryption.check_shred),
    ):
        operations.add_kind(Kind(name, title, unit, run, needs_proof=True, check=check))
    return encryption
