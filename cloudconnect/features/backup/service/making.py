"""Making one backup: the packs, a snapshot of the database, and a copy of the keyring."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.database.snapshot import Snapshot, forget_catalogs, write_snapshot
from cloudconnect.events.backup import BackupMade
from cloudconnect.features.backup import store
from cloudconnect.features.backup.models import PlaceFacts
from cloudconnect.kernel.clock import Clock, format_ns, to_ms
from cloudconnect.kernel.ids import new_id
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.storage.backup_places import CATALOG_DOMAIN, BackupPlace
from cloudconnect.storage.backups import BackupMaker, Hold
from cloudconnect.storage.index import StoredPack
from cloudconnect.storage.repository import Repository


class Maker:
    """Makes backups of one release's data, and notes them."""

    def __init__(
        self, log: EventLog, database: Database, clock: Clock, repository: Repository, hold: Hold, version: str
    ) -> None:
        self._log = log
        self._clock = clock
        self._version = version
        self._maker = BackupMaker(repository, partial(_write_snapshot, database), _packs, hold)

    @property
    def keys_lock(self) -> threading.Lock:
        """Held while a copy of the keyring is written to a place."""
        return self._maker.keys_lock

    def run(self, facts: PlaceFacts, place: BackupPlace, progress: Progress) -> Outcome:
        """Make a backup at *place*, which was opened to add one; return what it is."""
        now = self._clock.now()
        identifier = new_id("bak", to_ms(now))
        # Known before the first copy of the keyring lies there: whoever destroys keys has to find it.
        self._log.commit_now(lambda unit: store.add_place(unit.sql, facts, unit.now_ms), actor=APPLIANCE)
        created = format_ns(to_ms(now) * 1_000_000)
        backup, damaged = self._maker.run(place, identifier, created, self._version, progress)

        def note(unit: Unit) -> None:
            store.note_backup(unit.sql, facts.name, unit.now_ms)
            store.note_signed(unit.sql, facts.name, unit.now_ms)
            unit.record(BackupMade(subject=backup.id, position=backup.position))

        self._log.commit_now(note, actor=APPLIANCE)
        return {
            "id": backup.id,
            "position": backup.position,
            "packs": len(backup.packs),
            "bytes": backup.size,
            "damaged_packs": damaged,
        }


def _write_snapshot(database: Database, path: Path) -> int:
    position = write_snapshot(database, path)
    forget_catalogs(path, CATALOG_DOMAIN)
    return position


def _packs(path: Path) -> Iterator[StoredPack]:
    with Snapshot(path) as snapshot:
        yield from (StoredPack(*pack) for pack in store.find_packs(snapshot))
