"""Proving that a backup can be restored: every pack, the database, and the content of versions."""

import hashlib
import secrets

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database.snapshot import Snapshot, check_snapshot
from cloudconnect.events.backup import BackupVerified
from cloudconnect.features.backup import store
from cloudconnect.features.backup.models import PlaceFacts
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.kernel.text import N_
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.storage.backup_places import Backup, BackupPlace
from cloudconnect.storage.backups import restore_catalog, verify_packs
from cloudconnect.storage.errors import BackupDamaged, ContentDamaged, NoDomain
from cloudconnect.storage.index import Place
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.repository import Repository


class Verifier:
    """Restores backups into a scratch place and compares."""

    def __init__(self, log: EventLog, repository: Repository) -> None:
        self._log = log
        self._repository = repository

    def run(self, facts: PlaceFacts, place: BackupPlace, backup: Backup, percent: int, progress: Progress) -> Outcome:
        """Prove *backup*, reading *percent* of its versions; damaged packs of a place of ours are set aside.

        Raises:
            BackupDamaged: something in it is missing or is not what was backed up.
        """
        damaged = verify_packs(place, backup, progress)
        if place.is_ours(self._repository.keyring):
            for pack in damaged:
                place.set_aside(pack)
        versions, read_bytes, bad = self._restore_and_compare(place, backup, percent, progress)
        if damaged or bad:
            raise BackupDamaged(
                N_("In the backup “{id}” {packs} packs and {versions} versions are damaged."),
                fix=N_("Make a new backup: cloudconnect backup create"),
                id=backup.id,
                packs=len(damaged),
                versions=bad,
            )

        def note(unit: Unit) -> None:
            unit.record(BackupVerified(subject=backup.id))
            if backup.id == place.ids()[-1]:
                store.note_proof(unit.sql, facts.name, unit.now_ms)

        self._log.commit_now(note, actor=APPLIANCE)
        return {"id": backup.id, "packs": len(backup.packs), "versions_read": versions, "read_bytes": read_bytes}

    def _restore_and_compare(
        self, place: BackupPlace, backup: Backup, percent: int, progress: Progress
    ) -> tuple[int, int, int]:
        scratch = self._repository.spool / f"verify-{secrets.token_hex(8)}"
        try:
            restore_catalog(place, backup, self._repository.keyring, self._repository.codec, scratch)
            check_snapshot(scratch)
            with Snapshot(scratch) as snapshot:
                return self._compare(place, snapshot, percent, progress)
        except (ContentDamaged, ValueError) as error:
            raise BackupDamaged(
                N_("The database in the backup “{id}” cannot be restored."),
                fix=N_("Make a new backup: cloudconnect backup create"),
                id=backup.id,
            ) from error
        finally:
            scratch.unlink(missing_ok=True)

    def _compare(
        self, place: BackupPlace, snapshot: Snapshot, percent: int, progress: Progress
    ) -> tuple[int, int, int]:
        """Return how many versions were read, how many bytes that was, and how many are not what they were."""
        reader = Reader(
            place.shelf,
            self._repository.keyring,
            self._repository.codec,
            lambda keys: {key: Place(*where) for key, where in store.locate(snapshot, list(keys))},
        )
        versions = read_bytes = bad = 0
        for number, held in enumerate(store.find_versions(snapshot)):
            if number * percent % 100 >= percent:
                continue
            progress.check()
            versions += 1
            read_bytes += held.size
            digest = hashlib.sha256()
            try:
                for piece in reader.read(held.space, held.manifest):
                    digest.update(piece)
            except NoDomain:
                # Its keys were destroyed since: it is as unreadable as it should be.
                continue
            except ContentDamaged:
                bad += 1
            else:
                bad += digest.digest() != held.sha256
            progress.report(read_bytes, 0, "comparing")
        return versions, read_bytes, bad
