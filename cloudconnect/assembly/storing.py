"""Where bytes rest: backends, the index as engine threads use it, and places of backups."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import structlog

from cloudconnect.bus import EventLog
from cloudconnect.database import Database
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.sql import Sql
from cloudconnect.settings import Settings
from cloudconnect.storage import damage, index, places
from cloudconnect.storage.backends import Backend, look
from cloudconnect.storage.backends.away import AwayBackend
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.backends.opening import LOCAL, S3, Opener
from cloudconnect.storage.backup_places import BackupPlace
from cloudconnect.storage.disk import Health, make_directory
from cloudconnect.storage.installation import installation_of
from cloudconnect.storage.packs import pack_id_of
from cloudconnect.storage.places import AddedBackend

Result = TypeVar("Result")
words = structlog.get_logger()


class EngineStore:
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


def open_main_backend(settings: Settings) -> Backend:
    """Return the backend that the settings name, when nothing else of the store is open."""
    main = main_backend(settings)
    if main.kind == LOCAL:
        return LocalBackend(settings.home, Health())
    return Opener(settings.home, settings.storage.cache_bytes).open(main.name, main.kind, main.parameters)


def main_backend(settings: Settings) -> AddedBackend:
    """Return what the settings say of the backend that is always there."""
    kind = settings.storage.backend
    if kind == LOCAL:
        return AddedBackend(index.MAIN, kind, {"directory": str(settings.home)})
    facts = asdict(settings.storage_s3 if kind == S3 else settings.storage_azure)
    facts["bucket"] = facts.pop("container", facts.get("bucket"))
    facts["path_style"] = "yes" if facts.get("path_style", True) else "no"
    return AddedBackend(index.MAIN, kind, facts)


def open_all_backends(settings: Settings, database: Database) -> FleetBackend:
    """Return the backend that the settings name with all that *database* knows of, when nothing else is open."""
    opener = Opener(settings.home, settings.storage.cache_bytes)
    return open_fleet(main_backend(settings), opener, database, Health())


def open_listed_backends(settings: Settings) -> FleetBackend:
    """Return the backend that the settings name with all that the data directory lists, when the database is lost.

    Raises:
        BackendUnreachable: one of them does not answer.
        ValueError: the list is not what was written.
    """
    opener = Opener(settings.home, settings.storage.cache_bytes)
    fleet = FleetBackend(open_main_backend(settings), lambda _: None)
    for each in places.read_list(settings.home):
        fleet.add(each.name, _open_away(opener, each))
    for backend in fleet.backends.values():
        # It asks, so that none is passed over in silence.
        next(iter(backend.names()), None)
    return fleet


def open_fleet(main: AddedBackend, opener: Opener, database: Database, health: Health) -> FleetBackend:
    """Open the backend of the settings with all that were added."""
    is_local = main.kind == LOCAL
    first = LocalBackend(opener.home, health) if is_local else _open_away(opener, main)
    fleet = FleetBackend(first, lambda name: _find_place(database, name))
    added = database.read_now(places.find_added)
    for each in added:
        fleet.add(each.name, _open_away(opener, each))
    places.write_list(opener.home, added)
    fleet.aim(database.read_now(places.find_target))
    for backend in fleet.backends.values():
        look(backend)
    return fleet


def _open_away(opener: Opener, added: AddedBackend) -> AwayBackend:
    return AwayBackend(added.name, lambda: opener.open(added.name, added.kind, added.parameters))


def _find_place(database: Database, name: str) -> str | None:
    found = pack_id_of(name)
    return None if found is None else database.read_now(lambda sql: places.find_place(sql, found[1]))


def open_place(home: Path, kind: str, parameters: Mapping[str, str]) -> BackupPlace:
    """Open a place of backups; copies on their way lie in it where it is a directory, else in the data directory."""
    shelf = Opener(home, 0).open_shelf(kind, parameters)
    where = parameters.get("directory") or parameters.get("bucket", "")
    installation = installation_of(home)
    # Another installation may be at work in the same directory, until it is told that this is not its place.
    spool = Path(where) / "tmp" / installation if kind == LOCAL else home / "backup-spool"
    make_directory(spool)
    for left in spool.iterdir():
        # What an interrupted run left; one run works with backups at a time.
        left.unlink() if left.is_file() else shutil.rmtree(left)
    return BackupPlace(parameters.get("name") or where, shelf, spool, installation)
