"""Builds every part of an appliance, once, in order. Start reading here."""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from cloudconnect import __version__
from cloudconnect.adapters.argon2_passwords import Argon2Passwords
from cloudconnect.adapters.store_health import LocalStoreHealth
from cloudconnect.assembly.appliance import Appliance
from cloudconnect.assembly.filing import open_files
from cloudconnect.assembly.keys import device_key_of, open_keyring, peppers_of, require_store
from cloudconnect.assembly.remnants import Remnants
from cloudconnect.assembly.storing import EngineStore, main_backend, open_fleet, open_place
from cloudconnect.assembly.upkeep import (
    abort_old_uploads,
    add_ballast,
    add_catalogs,
    add_keys,
    add_upkeep,
    offer_backups,
    offer_moving,
    tell,
)
from cloudconnect.bus import Dispatcher, EventLog, Job, Jobs
from cloudconnect.database import HomeLock, open_database
from cloudconnect.features import operations as operations_room
from cloudconnect.features import sessions as sessions_room
from cloudconnect.features.access import AccessService
from cloudconnect.features.auth import AccountTable, AuthService
from cloudconnect.features.backends import BackendsService
from cloudconnect.features.backup import BackupService
from cloudconnect.features.developer import DeveloperService
from cloudconnect.features.gateway import GatewayService
from cloudconnect.features.monitoring import MonitoringService, ParkedFacts
from cloudconnect.features.operations import OperationsService
from cloudconnect.features.sessions import SessionsService
from cloudconnect.features.sessions.models import Lifetimes
from cloudconnect.kernel.clock import Clock, SystemClock
from cloudconnect.kernel.tokens import TokenKind
from cloudconnect.ports.accounts import Credentials
from cloudconnect.settings import Settings
from cloudconnect.storage import index, life
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.backends.opening import Opener
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.migrate import Migration
from cloudconnect.storage.orphans import Orphans
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.writer import WriterOptions

_REGION = "local"


def assemble(settings: Settings, clock: Clock | None = None, *, is_recovering: bool = False) -> Appliance:
    """Build an appliance over an initialised data directory; nothing runs before its ``start``.

    Raises:
        NotInitialised: there is no store yet.
        AlreadyRunning: another process serves it.
        WrongKey: the key file or passphrase does not fit.
        NewerSchema: a newer release wrote it.
        NotRecovered: its database is being made anew, and this is not the recovery itself.
    """
    clock = clock or SystemClock()
    require_store(settings, is_recovering=is_recovering)
    fatal: list[Callable[[], None]] = []

    def fail() -> None:
        for call in fatal:
            call()

    lock = HomeLock(settings.home)
    closers: list[Callable[[], None]] = [lock.release]
    keyring = open_keyring(settings)
    keyring.on_fatal = fail
    closers.insert(0, keyring.close)
    database = open_database(settings.database.url, settings.home, readers=settings.database.readers)
    database.migrate()
    closers.insert(0, database.close)
    health = Health(fail)
    opener, main = Opener(settings.home, settings.storage.cache_bytes), main_backend(settings)
    fleet = open_fleet(main, opener, database, health)
    repository = Repository(
        settings.home,
        fleet,
        keyring,
        find=lambda keys: database.read_now(lambda sql: index.find(sql, keys)),
        locate=lambda keys: database.read_now(lambda sql: index.locate(sql, keys)),
        health=health,
        floor=Floor(settings.home, settings.storage.least_free_bytes),
        options=WriterOptions(pack_bytes=settings.storage.pack_target_bytes),
        clock=clock,
    )
    report = repository.recover(
        lambda: database.read_now(index.known_packs), lambda: database.read_now(life.find_dead_packs)
    )
    tell(report)
    vault = Vault(
        repository,
        threads=settings.storage.threads or os.cpu_count() or 1,
        is_index_near=database.file is not None,
    )

    log = EventLog(database, clock, region=_REGION)
    log.on_fatal(fail)
    store = EngineStore(database, log)
    repository.reader.on_damaged = store.note_damaged
    accounts = AccountTable()
    access = AccessService(clock)
    lifetimes = Lifetimes(
        idle=timedelta(hours=settings.sessions.idle_hours), absolute=timedelta(days=settings.sessions.absolute_days)
    )
    sessions = SessionsService(log, database, clock, accounts, lifetimes, _REGION)
    developer = DeveloperService(log, database, clock, accounts, _REGION)
    passwords = Argon2Passwords(partial(peppers_of, keyring))
    closers.insert(0, passwords.close)
    credentials: dict[TokenKind, Credentials] = {TokenKind.SESSION: sessions, TokenKind.PERSONAL: developer}
    auth = AuthService(
        log, database, clock, access, passwords, sessions, credentials, _REGION, partial(device_key_of, keyring)
    )
    gateway = GatewayService(log, database, clock)
    monitoring = MonitoringService(
        log,
        database,
        access,
        LocalStoreHealth(settings.home, health, len(report.damaged), lambda: fleet.away),
        version=__version__,
        started=clock.now(),
        database_name=database.name,
        storage_name=main.kind,
    )

    operations = OperationsService(log, database, clock, access, monitoring.registry)

    backends = offer_moving(
        operations,
        Migration(fleet, repository.spool, store),
        BackendsService(log, database, access, fleet, opener, main, repository.spool),
    )

    dispatcher = Dispatcher(log, database)
    dispatcher.subscribe([*sessions_room.reactions(sessions), *operations_room.reactions(operations)])

    jobs = Jobs(log, database, clock)
    for job in (
        Job("sessions.seen", timedelta(minutes=1), sessions.write_down_seen, is_noted=False),
        Job("sessions.outlived", timedelta(days=1), sessions.remove_outlived),
        Job("developer.used", timedelta(minutes=1), developer.write_down_used, is_noted=False),
        Job("gateway.old", timedelta(hours=1), gateway.remove_old),
        Job("monitoring.measure", timedelta(minutes=1), monitoring.measure, is_noted=False),
        Job("monitoring.check", timedelta(days=7), partial(monitoring.check_database, is_full=True)),
        Job("operations.old", timedelta(days=1), operations.remove_old),
        Job("storage.uploads", timedelta(days=1), partial(abort_old_uploads, fleet, clock)),
    ):
        jobs.add(job)
    filing = open_files(settings, log, database, clock, access, vault, operations, jobs, accounts)
    hold = add_upkeep(
        settings,
        repository,
        fleet,
        store,
        Orphans(fleet, store, clock, lambda: database.checked == "ok"),
        operations,
        jobs,
    )
    backup = BackupService(
        log,
        database,
        clock,
        access,
        repository,
        hold,
        home=settings.home,
        version=__version__,
        open_shelf=partial(open_place, settings.home),
        restoring=filing.restoring,
    )
    offer_backups(operations, backup, jobs)
    monitoring.add_check("backup", backup.check)
    catalogs = add_catalogs(repository, database, log, operations, jobs)
    encryption = add_keys(
        settings,
        log,
        database,
        access,
        repository,
        filing.erasing,
        backup.rewrite_keys,
        operations,
        Remnants(log, operations, gateway, catalogs),
    )
    add_ballast(settings, log, jobs)

    return Appliance(
        settings=settings,
        home=settings.home,
        version=__version__,
        clock=clock,
        database=database,
        log=log,
        dispatcher=dispatcher,
        jobs=jobs,
        vault=vault,
        access=access,
        auth=auth,
        sessions=sessions,
        developer=developer,
        spaces=filing.spaces,
        files=filing.files,
        intake=filing.intake,
        accounting=filing.accounting,
        chunking=filing.chunking,
        damage=filing.damage,
        details=filing.details,
        locks=filing.locks,
        properties=filing.properties,
        uploads=filing.uploads,
        history=filing.history,
        brake=filing.brake,
        versions=filing.versions,
        purging=filing.purging,
        pruning=filing.pruning,
        pruning_runs=filing.pruning_runs,
        snapshots=filing.snapshots,
        comparing=filing.comparing,
        returning=filing.returning,
        tags=filing.tags,
        finding=filing.finding,
        editing=filing.editing,
        particulars=filing.particulars,
        crossing=filing.crossing,
        crossing_runs=filing.crossing_runs,
        editing_runs=filing.editing_runs,
        gateway=gateway,
        monitoring=monitoring,
        parked=ParkedFacts(access, dispatcher),
        operations=operations,
        backends=backends,
        backup=backup,
        encryption=encryption,
        catalogs=catalogs,
        notify_socket=settings.notify_socket,
        _damaged=[pack.pack_id for pack in report.damaged],
        _missing=[pack.pack_id for pack in report.missing],
        _closers=closers,
        _fatal=fatal,
    )
