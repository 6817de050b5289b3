"""Giving a store back while no daemon serves it: from a backup, or from its packs alone."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from cloudconnect.assembly import (
    AlreadyInitialised,
    Appliance,
    EngineStore,
    NotInitialised,
    Settings,
    assemble,
    is_initialised,
    open_keyring,
    open_main_backend,
    open_place,
    slot_of,
)
from cloudconnect.bus import EventLog
from cloudconnect.database import Database, HomeLock, open_database
from cloudconnect.database.engines import FILE_NAME
from cloudconnect.database.snapshot import check_snapshot, read_snapshot, settle_restored
from cloudconnect.features.files import PERSONAL, HeldContents, Space
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.errors import CloudConnectError, Conflict, NotFound, Unsupported
from cloudconnect.kernel.ids import SpaceId, UserId, id_of
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql
from cloudconnect.storage import index, rebuild
from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.backends import Backend
from cloudconnect.storage.backup_places import CATALOG_DOMAIN, Backup, BackupPlace
from cloudconnect.storage.backups import restore_catalog, restore_packs
from cloudconnect.storage.catalog import HeldCatalogs
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.disk import make_directory, sync_directory, write_file
from cloudconnect.storage.errors import ContentDamaged
from cloudconnect.storage.gc import list_pieces
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.rebuild import ListedPack, Unnamed
from cloudconnect.storage.shares import Share
from cloudconnect.storage.slots import RecoverySlot, Slot

__all__ = ["RecoverySlot", "Share", "Slot", "recover_from_packs", "restore_backup"]

_PACKS_AT_ONCE = 16
_NAME_LETTERS = 16

PlaceOfBackups = tuple[str, Mapping[str, str]]
"""The kind of a place, and its parameters (``assembly.open_place``)."""

Report = Callable[[str, int], None]
"""Told what is being done, and how much of it is."""


class NoCatalog(NotFound):
    """None of the packs holds a catalog that can be read whole."""

    code = "appliance.no-catalog"
    title = N_("The packs hold no catalog")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery gave back: the position of the catalog, and how many packs, chunks and unnamed contents."""

    position: int
    packs: int
    damaged_packs: int
    chunks: int
    unnamed: int
    unreadable: int


def restore_backup(
    settings: Settings,
    place: PlaceOfBackups,
    identifier: str,
    report: Callable[[int, int], None],
    way: Slot | Sequence[Share] | None = None,
) -> str:
    """Make the data directory from a backup, the newest if *identifier* is empty; return its id.

    A recovery code or shares open it where the key file is lost; then a new key file is made, or what the settings name
    is set anew. It may be interrupted and repeated; the store is there once everything is. Packs go where the settings
    say, and the database into PostgreSQL if they say so.

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
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = HomeLock(settings.home)
    keys = settings.home / "keyring.db.restored"
    try:
        opened = open_place(settings.home, *place)
        write_file(keys, opened.get_keys())
        keyring = Keyring.open(keys, slot_of(settings) if way is None else way)
        try:
            if way is not None:
                keyring.put_slot(slot_of(settings))
            backup = opened.get(identifier or (opened.ids() or [""])[-1], keyring)
            restore_packs(opened, backup, open_main_backend(settings), settings.home / "tmp", report)
            _restore_database(settings, opened, backup, keyring)
        finally:
            keyring.close()
        keys.rename(settings.home / "keyring.db")
        sync_directory(settings.home)
    finally:
        lock.release()
    return backup.id


def _restore_database(settings: Settings, place: BackupPlace, backup: Backup, keyring: Keyring) -> None:
    database = settings.home / FILE_NAME
    database.unlink(missing_ok=True)
    restore_catalog(place, backup, keyring, ZstdCodec(), database)
    settle_restored(database)
    if settings.database.url.startswith("sqlite:"):
        return
    # Its own schema first, so that both have the tables of this release.
    own = open_database("sqlite:", settings.home)
    own.migrate()
    own.close()
    target = open_database(settings.database.url, settings.home)
    try:
        target.migrate()
        read_snapshot(target, database)
    finally:
        target.close()
    for left in settings.home.glob(f"{FILE_NAME}*"):
        left.unlink()


def recover_from_packs(settings: Settings, report: Report) -> Recovered:
    """Make the database anew from the packs, when it is lost; what came after the last catalog goes into a folder.

    A database that is there is never touched. It may be interrupted and repeated.

    Raises:
        NotInitialised: there is no keyring.
        AlreadyRunning: a daemon serves the store.
        Conflict: there is a database.
        NoCatalog: no catalog can be read; ``deploy/recover.py`` then still gives back contents without names.
        WrongKey: the key file or passphrase does not fit.
    """
    if not is_initialised(settings):
        raise NotInitialised(
            N_("{home} holds no keyring."), fix=N_("Put keyring.db back first."), home=str(settings.home)
        )
    if not settings.database.url.startswith("sqlite:"):
        raise Unsupported(N_("A database is made anew in SQLite."), fix=N_("Leave out database.url for this."))
    return asyncio.run(_recover(settings, report))


async def _recover(settings: Settings, report: Report) -> Recovered:
    lock = HomeLock(settings.home)
    try:
        rebuilding = _Rebuilding(settings, report)
        unnamed = await rebuilding.run()
    finally:
        lock.release()
    unreadable = await _name(settings, unnamed, report)
    counts = rebuilding.counts
    return Recovered(
        rebuilding.position, counts["packs"], counts["damaged"], counts["chunks"], len(unnamed) - unreadable, unreadable
    )


class _Rebuilding:
    """One recovery of the database, in a directory beside where it will be."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self.position = 0
        self.counts = {"packs": 0, "damaged": 0, "chunks": 0}
        self._path = settings.home / FILE_NAME
        self._beside = settings.home / "recovering"
        self._report = report
        self._settings = settings

    async def run(self) -> list[Unnamed]:
        """Make the database and put it in its place; return the contents that it has no name for."""
        self._check()
        keyring = open_keyring(self._settings)
        try:
            backend = open_main_backend(self._settings)
            self.position = await asyncio.to_thread(self._restore_catalog, backend, keyring)
            database = open_database("sqlite:", self._beside)
            try:
                database.migrate()
                unnamed = await self._fill(database, backend, keyring)
            finally:
                database.close()
        finally:
            keyring.close()
        (self._beside / FILE_NAME).rename(self._path)
        shutil.rmtree(self._beside)
        sync_directory(self._settings.home)
        return unnamed

    def _check(self) -> None:
        if self._path.exists():
            raise Conflict(
                N_("There is a database: {path}."),
                fix=N_("If it is beyond help, move it away first, and keep it."),
                path=str(self._path),
            )
        for suffix in ("-wal", "-shm"):
            # What is left of a lost database belongs to no other one.
            self._path.with_name(FILE_NAME + suffix).unlink(missing_ok=True)
        if self._beside.exists():
            shutil.rmtree(self._beside)
        make_directory(self._beside)

    def _restore_catalog(self, backend: Backend, keyring: Keyring) -> int:
        listed = list(rebuild.walk(backend, keyring, ZstdCodec(), CATALOG_DOMAIN))
        found = rebuild.places(listed)
        reader = Reader(backend, keyring, ZstdCodec(), lambda keys: {key: found[key] for key in keys if key in found})
        path = self._beside / FILE_NAME
        for head in rebuild.find_heads(listed, reader, keyring) if listed else []:
            self._report("catalog", head.position)
            try:
                with path.open("wb") as file:
                    file.writelines(reader.read(CATALOG_DOMAIN, head.manifest))
                check_snapshot(path)
            except (ContentDamaged, ValueError):
                continue
            settle_restored(path)
            return head.position
        raise NoCatalog(
            N_("No catalog can be read, so nothing tells the names of files."),
            fix=N_("Restore a backup, or get contents without names by deploy/recover.py."),
        )

    async def _fill(self, database: Database, backend: Backend, keyring: Keyring) -> list[Unnamed]:
        log = EventLog(database, SystemClock())
        log.start()
        try:
            return await asyncio.to_thread(self._fill_now, database, log, backend, keyring)
        finally:
            await log.stop()

    def _fill_now(self, database: Database, log: EventLog, backend: Backend, keyring: Keyring) -> list[Unnamed]:
        def write(change: Callable[[Sql], object]) -> None:
            log.commit_now(lambda unit: change(unit.sql), actor=APPLIANCE)

        known = {pack.pack_id for pack in database.read_now(index.known_packs)}
        write(lambda sql: sql.execute("DELETE FROM pack"))
        late: list[ListedPack] = []
        walked = rebuild.walk(backend, keyring, ZstdCodec())
        while batch := list(islice(walked, _PACKS_AT_ONCE)):
            write(partial(_add_packs, batch))
            late += [each for each in batch if each.pack.pack_id not in known]
            self.counts["packs"] += len(batch)
            self.counts["damaged"] += sum(not each.is_whole for each in batch)
            self.counts["chunks"] += sum(len(each.entries) for each in batch)
            self._report("packs", self.counts["packs"])
        reader = Reader(
            backend, keyring, ZstdCodec(), lambda keys: database.read_now(lambda sql: index.locate(sql, keys))
        )
        list_pieces(EngineStore(database, log), reader, [HeldContents(), HeldCatalogs()], skip_damaged=True)
        return database.read_now(lambda sql: list(rebuild.find_unnamed(late, reader, keyring, sql)))


def _add_packs(batch: Sequence[ListedPack], sql: Sql) -> None:
    for each in batch:
        rebuild.add_pack(sql, each)


async def _name(settings: Settings, unnamed: Sequence[Unnamed], report: Report) -> int:
    """Give each content a place in a folder of its space; return how many cannot be read."""
    if not unnamed:
        return 0
    appliance = assemble(settings)
    appliance.log.start()
    unreadable = 0
    try:
        owners = {space.id: space.owner async for space in _spaces(appliance)}
        folder = f"/Recovered {appliance.clock.now():%Y-%m-%d %H.%M}"
        for number, content in enumerate(unnamed):
            report("contents", number)
            try:
                await _place(appliance, owners, folder, content)
            except CloudConnectError:
                unreadable += 1
    finally:
        await appliance.stop()
    return unreadable


async def _place(appliance: Appliance, owners: Mapping[SpaceId, UserId], folder: str, content: Unnamed) -> None:
    space = SpaceId(id_of("spc", int.from_bytes(content.space, "big")))
    path = f"{folder}/{content.content_id.hex()[:_NAME_LETTERS]}"
    if space in owners:
        owner = Principal(owners[space], PrincipalKind.APPLIANCE, APPLIANCE.name)
        await appliance.files.put_assembled(owner, space, path, content.chunks, parents=True)
        return
    # A space that the catalog does not know yet: an administrator gets what was in it.
    accounts = await appliance.auth.find_accounts(APPLIANCE, 1_000, None)
    admin = next(account for account in accounts.items if account.is_admin)
    owner = Principal(admin.id, PrincipalKind.APPLIANCE, APPLIANCE.name)
    await appliance.files.put_file(owner, PERSONAL, path, _read(appliance, space, content), parents=True)


async def _read(appliance: Appliance, space: SpaceId, content: Unnamed) -> AsyncIterator[bytes]:
    for entry in content.chunks:
        async for piece in appliance.vault.read(space, manifests.write_one(entry)):
            yield piece


async def _spaces(appliance: Appliance) -> AsyncIterator[Space]:
    cursor = None
    while True:
        page = await appliance.accounting.find_spaces(APPLIANCE, 1_000, cursor)
        for space in page.items:
            yield space
        cursor = page.next_cursor
        if cursor is None:
            return
