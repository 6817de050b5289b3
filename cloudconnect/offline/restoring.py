"""Restoring everything from a backup, while no daemon runs."""

from collections.abc import Callable, Mapping, Sequence

from cloudconnect.assembly import (
    AlreadyInitialised,
    Settings,
    is_initialised,
    open_main_backend,
    open_place,
    slot_of,
)
from cloudconnect.database import HomeLock, open_database
from cloudconnect.database.engines import FILE_NAME
from cloudconnect.database.snapshot import read_snapshot, settle_restored
from cloudconnect.kernel.ids import id_of
from cloudconnect.kernel.text import N_
from cloudconnect.storage.backup_places import Backup, BackupPlace
from cloudconnect.storage.backups import restore_catalog, restore_packs
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.disk import sync_directory, write_file
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.shares import Share
from cloudconnect.storage.slots import Slot

PlaceOfBackups = tuple[str, Mapping[str, str]]
"""The kind of a place, and its parameters (``assembly.open_place``)."""


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
    settle_restored(database, spaces_with_keys(keyring))
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


def spaces_with_keys(keyring: Keyring) -> set[str]:
    """Return the ids of the spaces whose content can be read."""
    return {id_of("spc", int.from_bytes(space, "big")) for space in keyring.find_epochs()}
