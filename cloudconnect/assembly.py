"""The floor plan: builds every part of an appliance, once, in order. Start reading here."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from cloudconnect import __version__
from cloudconnect.adapters.argon2_passwords import Argon2Passwords
from cloudconnect.adapters.store_health import LocalStoreHealth
from cloudconnect.bus import Dispatcher, EventLog, Job, Jobs, Unit
from cloudconnect.database import AlreadyRunning, Database, HomeLock, HomeNotWritable, open_database
from cloudconnect.database.engines import FILE_NAME
from cloudconnect.database.snapshot import settle_restored
from cloudconnect.features import sessions as sessions_room
from cloudconnect.features.access import AccessService
from cloudconnect.features.auth import AccountTable, AuthService
from cloudconnect.features.backends import BackendsService
from cloudconnect.features.backup import BackupService
from cloudconnect.features.developer import DeveloperService
from cloudconnect.features.files import AccountingService, DamageService, FilesService, HeldContents
from cloudconnect.features.gateway import GatewayService
from cloudconnect.features.monitoring import MonitoringService
from cloudconnect.features.operations import OperationsService
from cloudconnect.features.sessions import SessionsService
from cloudconnect.features.sessions.models import Lifetimes
from cloudconnect.kernel.clock import Clock, SystemClock
from cloudconnect.kernel.errors import Conflict, Invalid, Unavailable, Unsupported
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.kernel.text import N_, Text
from cloudconnect.kernel.tokens import TokenKind
from cloudconnect.ports.accounts import Credentials
from cloudconnect.ports.operations import Kind
from cloudconnect.ports.sql import Sql
from cloudconnect.settings import Settings
from cloudconnect.storage import damage, index, life, places
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.backends import look
from cloudconnect.storage.backends.away import AwayBackend
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.backends.opening import LOCAL, S3, Opener
from cloudconnect.storage.backups import KEYS_FILE, BackupPlace, Hold, restore_catalog, restore_packs
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.copies import find_copies
from cloudconnect.storage.disk import Floor, Health, sync_directory, write_file
from cloudconnect.storage.errors import NoSuchBackup
from cloudconnect.storage.gc import Gc, GcOptions
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.migrate import Migration
from cloudconnect.storage.orphans import Orphans
from cloudconnect.storage.packs import pack_id_of
from cloudconnect.storage.places import AddedBackend
from cloudconnect.storage.repair import Repair
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.scrub import Scrub
from cloudconnect.storage.slots import KeyFileSlot, PassphraseSlot, RecoverySlot, Slot
from cloudconnect.storage.writer import WriterOptions

words = structlog.get_logger()

Result = TypeVar("Result")

__all__ = [
    "AlreadyRunning",
    "Appliance",
    "NotInitialised",
    "Settings",
    "assemble",
    "initialise",
    "is_initialised",
    "recover_key",
]

_REGION = "local"
_KEYRING = "keyring.db"


class NotInitialised(Unavailable):
    """There is no store in the data directory yet."""

    code = "appliance.not-initialised"
    title = N_("There is no store here yet")


class AlreadyInitialised(Conflict):
    """There is a store in the data directory; keys are never overwritten."""

    code = "appliance.already-initialised"
    title = N_("There is a store here already")


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
    files: FilesService
    accounting: AccountingService
    damage: DamageService
    gateway: GatewayService
    monitoring: MonitoringService
    operations: OperationsService
    backends: BackendsService
    backup: BackupService
    notify_socket: str
    _checks: list["asyncio.Task[None]"] = field(default_factory=list)
    _damaged: list[bytes] = field(default_factory=list)
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
        await self.operations.stop()
        await self.dispatcher.stop()
        await self.log.stop()
        await self.vault.close()
        for close in self._closers:
            close()


def is_initialised(settings: Settings) -> bool:
    """Tell whether the data directory holds a store."""
    return (settings.home / _KEYRING).exists()


def initialise(settings: Settings) -> str:
    """Make the data directory, its keyring and the key file; return the recovery code, which is shown only now.

    Raises:
        AlreadyInitialised: there is a store already.
        Invalid: the key file would lie inside the data directory, or one is there that belongs to another store.
    """
    if is_initialised(settings):
        raise AlreadyInitialised(
            N_("{home} holds a store already."), fix=N_("Start it: cloudconnect serve"), home=str(settings.home)
        )
    if settings.key_file.is_relative_to(settings.home):
        raise Invalid(
            N_("The key file must not lie inside the data directory: a backup of one would hold both."),
            fix=N_("Set keys.file to a place elsewhere."),
        )
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeNotWritable(
            N_("{home} cannot be made: {reason}."),
            fix=N_("Choose another directory with CLOUDCONNECT_HOME."),
            home=str(settings.home),
            reason=error.strerror or str(error),
        ) from error
    lock = HomeLock(settings.home)
    try:
        keyring, code = Keyring.create(settings.home / _KEYRING, _slot(settings))
        keyring.close()
    finally:
        lock.release()
    return code


def recover_key(settings: Settings, code: str) -> None:
    """Open the store with its recovery code and make a new key file, or set the passphrase of the settings anew.

    Raises:
        NotInitialised: there is no store.
        AlreadyRunning: a daemon serves it.
        Conflict: a key file is there already; it would have to be moved away first.
        WrongKey: the code is mistyped or belongs to another store.
    """
    if not is_initialised(settings):
        raise NotInitialised(
            N_("{home} holds no store."), fix=N_("Put the data directory back first."), home=str(settings.home)
        )
    if not settings.keys.passphrase_file and settings.key_file.exists():
        raise Conflict(
            N_("{path} exists already."), fix=N_("If it does not fit, move it away first."), path=str(settings.key_file)
        )
    lock = HomeLock(settings.home)
    try:
        keyring = Keyring.open(settings.home / _KEYRING, RecoverySlot(code))
        keyring.put_slot(_slot(settings))
        keyring.close()
    finally:
        lock.release()


def restore_backup(
    settings: Settings, source: Path, identifier: str, report: Callable[[int, int], None], code: str = ""
) -> str:
    """Make the data directory from a backup in the directory *source*, the newest if *identifier* is empty.

    A recovery *code* opens it where the key file is lost; then a new key file is made, or the passphrase is set anew.
    Return the id of the backup. It may be interrupted and repeated; the store is there once everything is.

    Raises:
        AlreadyInitialised: there is a store already.
        NoSuchBackup: there is no such backup.
        WrongKey: the key file or passphrase does not belong to the appliance that was backed up.
        BackupDamaged: a part of the backup is missing or changed.
    """
    if is_initialised(settings):
        raise AlreadyInitialised(
            N_("{home} holds a store already."),
            fix=N_("Name another place with CLOUDCONNECT_HOME."),
            home=str(settings.home),
        )
    if not settings.database.url.startswith("sqlite:"):
        raise Unsupported(N_("A backup is restored into SQLite."), fix=N_("Leave out database.url for this."))
    place = BackupPlace(source)
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = HomeLock(settings.home)
    keys = settings.home / f"{_KEYRING}.restored"
    try:
        write_file(keys, _backup_keys(source))
        keyring = Keyring.open(keys, RecoverySlot(code) if code else _slot(settings))
        try:
            if code:
                keyring.put_slot(_slot(settings))
            backup = place.get(identifier or (place.ids() or [""])[-1], keyring)
            restore_packs(place, backup, LocalBackend(settings.home, Health()), settings.home / "tmp", report)
            database = settings.home / FILE_NAME
            database.unlink(missing_ok=True)
            restore_catalog(place, backup, keyring, ZstdCodec(), database)
            settle_restored(database)
        finally:
            keyring.close()
        keys.rename(settings.home / _KEYRING)
        sync_directory(settings.home)
    finally:
        lock.release()
    return backup.id


def _backup_keys(source: Path) -> bytes:
    try:
        return (source / KEYS_FILE).read_bytes()
    except OSError as error:
        raise NoSuchBackup(
            N_("{place} holds no backups."), fix=N_("Name the directory that they were made in."), place=str(source)
        ) from error


def assemble(settings: Settings, clock: Clock | None = None) -> Appliance:
    """Build an appliance over an initialised data directory; nothing runs before its ``start``.

    Raises:
        NotInitialised: there is no store yet.
        AlreadyRunning: another process serves it.
        WrongKey: the key file or passphrase does not fit.
        NewerSchema: a newer release wrote it.
    """
    clock = clock or SystemClock()
    if not is_initialised(settings):
        raise NotInitialised(
            N_("{home} holds no store."), fix=N_("Make one: cloudconnect init"), home=str(settings.home)
        )
    closers: list[Callable[[], None]] = []
    fatal: list[Callable[[], None]] = []

    def fail() -> None:
        for call in fatal:
            call()

    lock = HomeLock(settings.home)
    closers.append(lock.release)
    keyring = Keyring.open(settings.home / _KEYRING, _slot(settings))
    closers.insert(0, keyring.close)
    database = open_database(settings.database.url, settings.home, readers=settings.database.readers)
    database.migrate()
    closers.insert(0, database.close)
    health = Health(fail)
    opener, main = Opener(settings.home, settings.storage.cache_bytes), _main_backend(settings)
    fleet = _open_fleet(main, opener, database, health)
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
    if report.damaged or report.orphans or report.removed_spools:
        words.warning(
            "storage.recovered",
            damaged=[pack.pack_id.hex() for pack in report.damaged],
            orphans=len(report.orphans),
            removed_spools=report.removed_spools,
        )
    vault = Vault(repository, threads=settings.storage.threads or os.cpu_count() or 1)

    log = EventLog(database, clock, region=_REGION)
    log.on_fatal(fail)
    repository.reader.on_damaged = _Index(database, log).note_damaged
    accounts = AccountTable()
    access = AccessService(clock)
    lifetimes = Lifetimes(
        idle=timedelta(hours=settings.sessions.idle_hours), absolute=timedelta(days=settings.sessions.absolute_days)
    )
    sessions = SessionsService(log, database, clock, accounts, lifetimes, _REGION)
    developer = DeveloperService(log, database, clock, accounts, _REGION)
    passwords = Argon2Passwords(keyring.service_key("pepper").secret)
    closers.insert(0, passwords.close)
    credentials: dict[TokenKind, Credentials] = {TokenKind.SESSION: sessions, TokenKind.PERSONAL: developer}
    auth = AuthService(log, database, clock, access, passwords, sessions, credentials, _REGION)
    files = FilesService(log, database, clock, access, vault)
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

    backends = _offer_moving(
        operations,
        Migration(fleet, repository.spool, _Index(database, log)),
        BackendsService(log, database, access, fleet, opener, main, repository.spool),
    )

    dispatcher = Dispatcher(log, database)
    dispatcher.subscribe(sessions_room.reactions(sessions))

    jobs = Jobs(log, database, clock)
    jobs.add(Job("sessions.seen", timedelta(minutes=1), sessions.write_down_seen, is_noted=False))
    jobs.add(Job("sessions.outlived", timedelta(days=1), sessions.remove_outlived))
    jobs.add(Job("developer.used", timedelta(minutes=1), developer.write_down_used, is_noted=False))
    _watch(monitoring, jobs)
    jobs.add(Job("gateway.old", timedelta(hours=1), gateway.remove_old))
    backup = _offer_backups(
        operations,
        BackupService(
            log,
            database,
            clock,
            access,
            repository,
            _add_upkeep(
                settings,
                repository,
                fleet,
                _Index(database, log),
                Orphans(fleet, _Index(database, log), clock, lambda: database.checked == "ok"),
                operations,
                jobs,
            ),
            home=settings.home,
            version=__version__,
        ),
    )
    accounting = _add_recount(AccountingService(log, database, access, files), operations, jobs)

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
        files=files,
        accounting=accounting,
        damage=DamageService(database, access),
        gateway=gateway,
        monitoring=monitoring,
        operations=operations,
        backends=backends,
        backup=backup,
        notify_socket=settings.notify_socket,
        _damaged=[pack.pack_id for pack in report.damaged],
        _closers=closers,
        _fatal=fatal,
    )


def _watch(monitoring: MonitoringService, jobs: Jobs) -> None:
    jobs.add(Job("monitoring.measure", timedelta(minutes=1), monitoring.measure, is_noted=False))
    jobs.add(Job("monitoring.check", timedelta(days=7), partial(monitoring.check_database, is_full=True)))


def _add_recount(accounting: AccountingService, operations: OperationsService, jobs: Jobs) -> AccountingService:
    """Declare that what spaces are charged with is compared to what they use, and return *accounting*."""
    operations.add_kind(Kind("files.recount", Text(N_("Count what spaces use")), "spaces", accounting.recount))
    jobs.add(Job("files.recount", timedelta(days=7), lambda: operations.start_due("files.recount")))
    return accounting


def _add_upkeep(
    settings: Settings,
    repository: Repository,
    fleet: FleetBackend,
    store: "_Index",
    orphans: Orphans,
    operations: OperationsService,
    jobs: Jobs,
) -> Hold:
    """Declare what looks after the store, and when it does so by itself; return what keeps gc from removing packs."""
    pack_bytes = settings.storage.pack_target_bytes
    gc = Gc(
        repository,
        store,
        [HeldContents()],
        GcOptions(settings.storage.gc_grace_hours * 3600.0, pack_bytes=pack_bytes),
    )
    scrub = Scrub(repository, store, pack_bytes, settings.storage.scrub_bytes_per_second)
    repair = Repair(repository, store, pack_bytes, lambda: find_copies(fleet.backends))
    operations.add_kind(Kind("storage.gc", Text(N_("Collect garbage")), "chunks", gc.run))
    operations.add_kind(Kind("storage.scrub", Text(N_("Verify what is stored")), "bytes", scrub.run))
    operations.add_kind(Kind("storage.orphans", Text(N_("Remove what was set aside")), "packs", orphans.run))
    operations.add_kind(Kind("storage.repair", Text(N_("Heal what is damaged")), "chunks", repair.run))
    jobs.add(Job("operations.old", timedelta(days=1), operations.remove_old))
    jobs.add(Job("storage.gc", timedelta(days=1), lambda: operations.start_due("storage.gc")))
    jobs.add(Job("storage.orphans", timedelta(days=1), lambda: operations.start_due("storage.orphans")))
    jobs.add(Job("storage.scrub", timedelta(days=14), lambda: operations.start_due("storage.scrub")))
    return gc.hold


def _offer_backups(operations: OperationsService, backup: BackupService) -> BackupService:
    operations.add_kind(Kind("backup.create", Text(N_("Make a backup")), "bytes", backup.run_create))
    operations.add_kind(Kind("backup.verify", Text(N_("Verify a backup")), "bytes", backup.run_verify))
    return backup


class _Index:
    """The index for what looks after the store in threads of its own (``storage.gc.Store``)."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database = database
        self._log = log

    def read(self, ask: Callable[[Sql], Result]) -> Result:
        """Return what *ask* finds in one snapshot."""
        return self._database.read_now(ask)

    def write(self, change: Callable[[Sql, int], Result]) -> Result:
        """Return what *change* does in a durable transaction."""
        return self._log.commit_now(lambda unit: change(unit.sql, unit.now_ms), actor=APPLIANCE)

    def note_damaged(self, pack_id: bytes, keys: Sequence[bytes]) -> None:
        """Note that chunks of a pack could not be read as they were written."""
        words.error("storage.damaged", pack=pack_id.hex(), chunks=[key.hex() for key in keys])
        self.write(lambda sql, now_ms: damage.note_unreadable(sql, pack_id, keys, now_ms))


def _offer_moving(operations: OperationsService, migration: Migration, backends: BackendsService) -> BackendsService:
    operations.add_kind(Kind("storage.migrate", Text(N_("Move packs")), "bytes", migration.run))
    operations.add_kind(Kind("storage.test", Text(N_("Try a storage out")), "objects", backends.try_out))
    return backends


def _main_backend(settings: Settings) -> AddedBackend:
    """Return what the settings say of the backend that is always there."""
    kind = settings.storage.backend
    if kind == LOCAL:
        return AddedBackend(index.MAIN, kind, {"directory": str(settings.home)})
    facts = asdict(settings.storage_s3 if kind == S3 else settings.storage_azure)
    facts["bucket"] = facts.pop("container", facts.get("bucket"))
    facts["path_style"] = "yes" if facts.get("path_style", True) else "no"
    return AddedBackend(index.MAIN, kind, facts)


def _open_fleet(main: AddedBackend, opener: Opener, database: Database, health: Health) -> FleetBackend:
    is_local = main.kind == LOCAL
    first = LocalBackend(opener.home, health) if is_local else _open_away(opener, main)
    fleet = FleetBackend(first, lambda name: _find_place(database, name))
    for each in database.read_now(places.find_added):
        fleet.add(each.name, _open_away(opener, each))
    fleet.aim(database.read_now(places.find_target))
    for backend in fleet.backends.values():
        look(backend)
    return fleet


def _open_away(opener: Opener, added: AddedBackend) -> AwayBackend:
    return AwayBackend(added.name, lambda: opener.open(added.name, added.kind, added.parameters))


def _find_place(database: Database, name: str) -> str | None:
    found = pack_id_of(name)
    return None if found is None else database.read_now(lambda sql: places.find_place(sql, found[1]))


def _slot(settings: Settings) -> Slot:
    if settings.keys.passphrase_file:
        return PassphraseSlot(_read_passphrase(Path(settings.keys.passphrase_file)))
    return KeyFileSlot(settings.key_file)


def _read_passphrase(path: Path) -> str:
    try:
        passphrase = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            N_("{path} cannot be read."), fix=N_("Check the setting keys.passphrase_file."), path=str(path)
        ) from error
    if not passphrase:
        raise Invalid(
            N_("{path} holds no passphrase."), fix=N_("Check the setting keys.passphrase_file."), path=str(path)
        )
    return passphrase
