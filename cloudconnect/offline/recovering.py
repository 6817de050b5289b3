"""Making a lost database anew from the packs and the keyring, and giving names to what came after the last catalog."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from cloudconnect.assembly import (
    RECOVERING,
    Appliance,
    EngineStore,
    NotInitialised,
    Settings,
    assemble,
    is_initialised,
    open_all_backends,
    open_keyring,
    open_listed_backends,
)
from cloudconnect.bus import EventLog
from cloudconnect.database import Database, HomeLock, open_database
from cloudconnect.database.engines import FILE_NAME
from cloudconnect.database.snapshot import check_snapshot, settle_restored
from cloudconnect.features.files import PERSONAL, HeldContents, Space
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.errors import CloudConnectError, Conflict, Invalid, NotFound, Unsupported
from cloudconnect.kernel.ids import SpaceId, id_of
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.kernel.text import N_
from cloudconnect.offline.restoring import spaces_with_keys
from cloudconnect.ports.sql import Sql
from cloudconnect.storage import index, places, rebuild
from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from cloudconnect.storage.catalog import HeldCatalogs
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.disk import make_directory, sync_directory, write_file
from cloudconnect.storage.errors import ContentDamaged
from cloudconnect.storage.gc import list_pieces
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.places import AddedBackend
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.rebuild import ListedPack, Unnamed

_PACKS_AT_ONCE = 16
_NAME_LETTERS = 16
_MADE = "made"

Report = Callable[[str, int], None]
"""Told what is being done, and how much of it is."""


class NoCatalog(NotFound):
    """None of the packs holds a catalog that can be read whole."""

    code = "appliance.no-catalog"
    title = N_("The packs hold no catalog")


@dataclass(slots=True)
class Recovered:
    """What a recovery gave back: the position of the catalog, and how much there was of what.

    ``missing`` counts versions that cannot be read, because a part of them is in no pack; ``unnamed`` the contents that
    were put into a folder, and ``unplaced`` those that could not be.
    """

    position: int = 0
    packs: int = 0
    damaged_packs: int = 0
    chunks: int = 0
    missing: int = 0
    unnamed: int = 0
    unplaced: int = 0


def recover_from_packs(settings: Settings, report: Report) -> Recovered:
    """Make the database anew from the packs, when it is lost; what came after the last catalog goes into a folder.

    A database that is there is never touched. It may be interrupted and repeated; until it has ended no daemon starts.

    Raises:
        NotInitialised: there is no keyring.
        AlreadyRunning: a daemon serves the store.
        Conflict: there is a database.
        NoCatalog: no catalog can be read; ``deploy/salvage.py`` then still gives back contents without names.
        WrongKey: the key file or passphrase does not fit.
        BackendUnreachable: a backend that was added does not answer.
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
    done = rebuilding.done
    done.unplaced = await _name(settings, unnamed, report)
    done.unnamed = len(unnamed) - done.unplaced
    shutil.rmtree(settings.home / RECOVERING)
    sync_directory(settings.home)
    return done


class _Rebuilding:
    """One recovery of the database, in a directory beside where it will be."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self.done = Recovered()
        self._path = settings.home / FILE_NAME
        self._beside = settings.home / RECOVERING
        self._report = report
        self._settings = settings

    async def run(self) -> list[Unnamed]:
        """Make the database and put it in its place; return the contents that it has no name for."""
        is_made = (self._beside / _MADE).exists() and self._path.exists()
        if not is_made:
            self._check()
        keyring = open_keyring(self._settings)
        try:
            if is_made:
                # An earlier run got this far; what it did not get to name is found among everything there is.
                return await self._fill(self._settings.home, keyring, is_made=True)
            self.done.position = await asyncio.to_thread(self._restore_catalog, keyring)
            unnamed = await self._fill(self._beside, keyring, is_made=False)
        finally:
            keyring.close()
        write_file(self._beside / _MADE, b"")
        (self._beside / FILE_NAME).rename(self._path)
        sync_directory(self._settings.home)
        return unnamed

    def _check(self) -> None:
        if self._path.exists():
            raise Conflict(
                N_("There is a database: {path}."),
                fix=N_("If it is beyond help, move it away first with what begins with its name, and keep it."),
                path=str(self._path),
            )
        for suffix in ("-wal", "-shm"):
            left = self._path.with_name(FILE_NAME + suffix)
            if left.exists():
                # It belongs to the database that was here; whoever moved that away may want it.
                left.rename(left.with_name(f"{left.name}.lost-{secrets.token_hex(4)}"))
        if self._beside.exists():
            shutil.rmtree(self._beside)
        make_directory(self._beside)

    def _restore_catalog(self, keyring: Keyring) -> int:
        backend = self._open_backends()
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
            settle_restored(path, spaces_with_keys(keyring))
            return head.position
        raise NoCatalog(
            N_("No catalog can be read, so nothing tells the names of files."),
            fix=N_("Restore a backup, or get contents without names by deploy/salvage.py."),
        )

    def _open_backends(self) -> FleetBackend:
        try:
            return open_listed_backends(self._settings)
        except ValueError as error:
            raise Invalid(
                N_("The list of storages in {home} cannot be read."),
                fix=N_("Mend storages.json there, or remove it if no storage was added."),
                home=str(self._settings.home),
            ) from error

    async def _fill(self, place: Path, keyring: Keyring, *, is_made: bool) -> list[Unnamed]:
        database = open_database("sqlite:", place)
        log = EventLog(database, SystemClock())
        try:
            database.migrate()
            log.start()
            fill = self._find_all if is_made else self._fill_now
            return await asyncio.to_thread(fill, database, log, keyring)
        finally:
            await log.stop()
            database.close()

    def _fill_now(self, database: Database, log: EventLog, keyring: Keyring) -> list[Unnamed]:
        known = {pack.pack_id for pack in database.read_now(index.known_packs)}
        store = EngineStore(database, log)
        store.write(lambda sql, _: sql.execute("DELETE FROM pack"))
        store.write(partial(_add_backends, places.read_list(self._settings.home)))
        late: list[ListedPack] = []
        for batch in self._walk(database, keyring):
            store.write(partial(_add_packs, batch))
            late += [each for each in batch if each.pack.pack_id not in known]
        return self._find_unnamed(database, store, keyring, late)

    def _find_all(self, database: Database, log: EventLog, keyring: Keyring) -> list[Unnamed]:
        listed = [each for batch in self._walk(database, keyring) for each in batch]
        return self._find_unnamed(database, EngineStore(database, log), keyring, listed)

    def _walk(self, database: Database, keyring: Keyring) -> Iterator[list[ListedPack]]:
        backends = open_all_backends(self._settings, database).backends
        walked = (each for name, one in backends.items() for each in rebuild.walk(one, keyring, ZstdCodec(), name=name))
        while batch := list(islice(walked, _PACKS_AT_ONCE)):
            yield batch
            self.done.packs += len(batch)
            self.done.damaged_packs += sum(not each.is_whole for each in batch)
            self.done.chunks += sum(len(each.entries) for each in batch)
            self._report("packs", self.done.packs)

    def _find_unnamed(
        self, database: Database, store: EngineStore, keyring: Keyring, late: Sequence[ListedPack]
    ) -> list[Unnamed]:
        fleet = open_all_backends(self._settings, database)
        reader = Reader(
            fleet, keyring, ZstdCodec(), lambda keys: database.read_now(lambda sql: index.locate(sql, keys))
        )
        _, unread = list_pieces(store, reader, [HeldContents(), HeldCatalogs()])
        self.done.missing = sum(unread.values()) + database.read_now(rebuild.count_missing)
        return database.read_now(lambda sql: list(rebuild.find_unnamed(late, reader, keyring, sql)))


def _add_backends(listed: Sequence[AddedBackend], sql: Sql, now_ms: int) -> None:
    """Add the backends that were added after the catalog."""
    known = {each.name for each in places.find_added(sql)}
    for each in listed:
        if each.name not in known:
            places.add(sql, each, now_ms)


def _add_packs(batch: Sequence[ListedPack], sql: Sql, now_ms: int) -> None:
    del now_ms
    for each in batch:
        rebuild.add_pack(sql, each)


async def _name(settings: Settings, unnamed: Sequence[Unnamed], report: Report) -> int:
    """Give each content a place in a folder of its space, whatever its quota; return how many could not be placed."""
    if not unnamed:
        return 0
    appliance = assemble(settings, is_recovering=True)
    appliance.log.start()
    unplaced = 0
    try:
        spaces = {space.id: space async for space in _spaces(appliance)}
        folder = f"/Recovered {appliance.clock.now():%Y-%m-%d %H.%M}"
        await _set_quotas(appliance, spaces, is_lifted=True)
        for number, content in enumerate(unnamed):
            report("contents", number)
            try:
                await _place(appliance, spaces, folder, content)
            except CloudConnectError:
                unplaced += 1
        await _set_quotas(appliance, spaces, is_lifted=False)
    finally:
        await appliance.stop()
    return unplaced


async def _set_quotas(appliance: Appliance, spaces: Mapping[SpaceId, Space], *, is_lifted: bool) -> None:
    for space in spaces.values():
        if space.quota_bytes is not None:
            await appliance.accounting.set_quota(APPLIANCE, space.id, None if is_lifted else space.quota_bytes)


async def _place(appliance: Appliance, spaces: Mapping[SpaceId, Space], folder: str, content: Unnamed) -> None:
    space = SpaceId(id_of("spc", int.from_bytes(content.space, "big")))
    path = f"{folder}/{content.content_id.hex()[:_NAME_LETTERS]}"
    if space in spaces:
        owner = Principal(spaces[space].owner, PrincipalKind.APPLIANCE, APPLIANCE.name)
        await appliance.intake.put_assembled(owner, space, path, content.chunks, parents=True)
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
