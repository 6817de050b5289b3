"""The verbs of the backup room."""

import asyncio
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from cloudconnect.bus import EventLog
from cloudconnect.database import Database
from cloudconnect.database.snapshot import Snapshot, check_snapshot, write_snapshot
from cloudconnect.events.backup import BackupMade, BackupVerified
from cloudconnect.features.backup import store
from cloudconnect.features.backup.errors import BadPlace
from cloudconnect.features.backup.models import BackupListed
from cloudconnect.kernel.clock import Clock, format_ns, to_ms
from cloudconnect.kernel.ids import new_id
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.storage.backups import Backup, BackupMaker, BackupPlace, Hold, restore_catalog, verify_packs
from cloudconnect.storage.errors import BackupDamaged, ContentDamaged, NoDomain, NoSuchBackup
from cloudconnect.storage.index import Place, StoredPack
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.repository import Repository

_SAMPLE_PERCENT = 5


class BackupService:
    """Makes backups, lists them, and proves that they can be restored."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        clock: Clock,
        access: Access,
        repository: Repository,
        hold: Hold,
        *,
        home: Path,
        version: str,
    ) -> None:
        self._log = log
        self._clock = clock
        self._access = access
        self._repository = repository
        self._home = home
        self._version = version
        self._maker = BackupMaker(repository, lambda path: write_snapshot(database, path), _packs, hold)

    async def find_backups(self, principal: Principal, place: str) -> list[BackupListed]:
        """Return the backups in the directory *place*, oldest first; one that cannot be read has no moment.

        Raises:
            BadPlace: it is not an absolute path of a directory.
        """
        self._access.require_admin(principal)
        found = self._place(place)
        return await asyncio.to_thread(lambda: [self._listed(found, each) for each in found.ids()])

    def run_create(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Make a backup in the directory that the parameter ``to`` names (``ports.operations.Kind.run``)."""
        place = self._place(parameters.get("to", ""), is_made=True)
        now = self._clock.now()
        identifier = new_id("bak", to_ms(now))
        created = format_ns(to_ms(now) * 1_000_000)
        backup, damaged = self._maker.run(place, identifier, created, self._version, progress)
        self._log.commit_now(
            lambda unit: unit.record(BackupMade(subject=backup.id, position=backup.position)), actor=APPLIANCE
        )
        return {
            "id": backup.id,
            "position": backup.position,
            "packs": len(backup.packs),
            "bytes": backup.size,
            "damaged_packs": damaged,
        }

    def run_verify(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Restore a backup into a scratch place and compare: every pack, the database, and the content of versions.

        Damaged packs are set aside in their place, so that the next backup copies them anew.

        Parameters: ``from``, the directory; ``id``, by default the newest; ``sample``, how many of a hundred versions
        are read, by default 5.

        Raises:
            BackupDamaged: something in it is missing or is not what was backed up.
        """
        place = self._place(parameters.get("from", ""))
        backup = _chosen(place, parameters.get("id", ""), self._repository)
        scratch = self._repository.spool / f"verify-{secrets.token_hex(8)}"
        try:
            damaged = verify_packs(place, backup, progress)
            for pack in damaged:
                place.set_aside(pack)
            restore_catalog(place, backup, self._repository.keyring, self._repository.codec, scratch)
            check_snapshot(scratch)
            with Snapshot(scratch) as snapshot:
                versions, read_bytes, bad = self._compare(place, snapshot, _sample(parameters), progress)
        except (ContentDamaged, ValueError) as error:
            raise BackupDamaged(
                N_("The database in the backup “{id}” cannot be restored."),
                fix=N_("Make a new backup: cloudconnect backup create"),
                id=backup.id,
            ) from error
        finally:
            scratch.unlink(missing_ok=True)
        if damaged or bad:
            raise BackupDamaged(
                N_("In the backup “{id}” {packs} packs and {versions} versions are damaged."),
                fix=N_("Make a new backup: cloudconnect backup create"),
                id=backup.id,
                packs=len(damaged),
                versions=bad,
            )
        self._log.commit_now(lambda unit: unit.record(BackupVerified(subject=backup.id)), actor=APPLIANCE)
        return {"id": backup.id, "packs": len(backup.packs), "versions_read": versions, "read_bytes": read_bytes}

    def _compare(
        self, place: BackupPlace, snapshot: Snapshot, percent: int, progress: Progress
    ) -> tuple[int, int, int]:
        reader = Reader(
            place.backend,
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
            except (ContentDamaged, NoDomain):
                bad += 1
            else:
                bad += digest.digest() != held.sha256
            progress.report(read_bytes, 0, "comparing")
        return versions, read_bytes, bad

    def _listed(self, place: BackupPlace, identifier: str) -> BackupListed:
        try:
            found = place.get(identifier, self._repository.keyring)
        except BackupDamaged:
            return BackupListed(identifier, "", 0, "", 0, 0)
        return BackupListed(found.id, found.created, found.position, found.version, len(found.packs), found.size)

    def _place(self, place: str, *, is_made: bool = False) -> BackupPlace:
        path = Path(place)
        if not path.is_absolute() or path.is_relative_to(self._home) or not (is_made or path.is_dir()):
            raise BadPlace(
                N_("“{place}” cannot hold backups."),
                fix=N_("Name a directory by its absolute path, outside the data directory, best on another disk."),
                place=place,
            )
        return BackupPlace(path)


def _packs(path: Path) -> Iterator[StoredPack]:
    with Snapshot(path) as snapshot:
        yield from (StoredPack(*pack) for pack in store.find_packs(snapshot))


def _chosen(place: BackupPlace, identifier: str, repository: Repository) -> Backup:
    ids = place.ids()
    if not identifier and not ids:
        raise NoSuchBackup(fix=N_("Make one: cloudconnect backup create"))
    return place.get(identifier or ids[-1], repository.keyring)


def _sample(parameters: Mapping[str, str]) -> int:
    try:
        return min(max(int(parameters.get("sample", _SAMPLE_PERCENT)), 0), 100)
    except ValueError:
        return _SAMPLE_PERCENT
