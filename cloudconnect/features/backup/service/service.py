"""Making backups, listing and proving them, removing old ones, and all of that by the clock."""

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.backup import (
    BackupOverdue,
    BackupsPruned,
    PlaceAdded,
    PlaceClaimed,
    PlaceRemoved,
    ScheduleSet,
)
from cloudconnect.features.backup import store
from cloudconnect.features.backup.errors import BadPlace, BadSchedule, NoSuchPlace, PlaceKnown
from cloudconnect.features.backup.models import BackupListed, Keep, PlaceFacts
from cloudconnect.features.backup.rules import VERIFIED_WITHIN, is_due, is_overdue, needs_proof
from cloudconnect.features.backup.service.making import Maker
from cloudconnect.features.backup.service.marks import sign_marks
from cloudconnect.features.backup.service.places import OpenShelf, Places
from cloudconnect.features.backup.service.pruning import PruneOptions, options_of, prune
from cloudconnect.features.backup.service.restoring import PartRestorer, Wish
from cloudconnect.features.backup.service.verifying import Verifier
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.ports.restoring import Restoring
from cloudconnect.storage.backends import abort_uploads
from cloudconnect.storage.backup_places import Backup, BackupPlace
from cloudconnect.storage.backups import Hold
from cloudconnect.storage.errors import BackupDamaged, NoSuchBackup
from cloudconnect.storage.repository import Repository

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_HOURS_MAX = 24 * 365
_LOOK_SECONDS = 0.5
_SAMPLE_PERCENT = 5


class BackupService:
    """Makes backups, lists them, proves that they can be restored, and removes old ones."""

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
        open_shelf: OpenShelf,
        restoring: Restoring,
    ) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._access = access
        self._repository = repository
        self._places = Places(database, home, open_shelf)
        self._maker = Maker(log, database, clock, repository, hold, version)
        self._verifier = Verifier(log, repository)
        self._restoring = restoring
        self._working = threading.Lock()

    # Places

    async def find_places(self, principal: Principal) -> list[PlaceFacts]:
        """Return every place that backups go to, by name."""
        self._access.require_admin(principal)
        return await self._database.read(store.find_places)

    async def add_place(self, principal: Principal, name: str, kind: str, parameters: Mapping[str, str]) -> PlaceFacts:
        """Add a bucket, or a directory, that backups can go to; it is looked at, and becomes this appliance's.

        Raises:
            BadPlace: the name is none.
            PlaceKnown: there is one of this name.
            PlaceTaken, PlaceInUse: it holds the backups of another appliance, or installation.
            MarkAltered: what says whose it is was altered.
            BadBackend, BadCredentials, BackendUnreachable: it cannot be used.
        """
        self._access.require_admin(principal, fresh=True)
        if _NAME.fullmatch(name) is None:
            raise BadPlace(N_("A name has up to 32 small letters, digits and dashes."), fix=N_("Choose another name."))
        place = PlaceFacts(name, kind, dict(parameters))
        opened = self._places.open(place, is_made=True)
        await asyncio.to_thread(opened.claim, self._repository.keyring)

        def change(unit: Unit) -> None:
            if store.find_place(unit.sql, name) is not None:
                raise PlaceKnown(N_("“{name}” is taken."), fix=N_("Choose another name."), name=name)
            store.add_place(unit.sql, place, unit.now_ms)
            store.note_signed(unit.sql, name, unit.now_ms)
            unit.record(PlaceAdded(subject=name, type=kind))

        await self._log.commit(change, actor=principal)
        return place

    async def claim_place(self, principal: Principal, name: str) -> PlaceFacts:
        """Make a place that another installation of this appliance backed up to this one's, which alone prunes it.

        A mark that was altered is made anew, if the backups there are this appliance's.

        Raises:
            BadPlace, NoSuchPlace: it is no place.
            NoSuchBackup: the directory is not there.
            PlaceTaken: it is another appliance's.
        """
        self._access.require_admin(principal, fresh=True)

        def take() -> tuple[PlaceFacts, str]:
            place = self._places.find(name)
            return place, self._places.open(place).claim(self._repository.keyring, is_taken_over=True)

        place, before = await asyncio.to_thread(take)

        def change(unit: Unit) -> None:
            store.note_signed(unit.sql, name, unit.now_ms)
            unit.record(PlaceClaimed(subject=name, installation=before))

        await self._log.commit(change, actor=principal)
        return place

    async def remove_place(self, principal: Principal, name: str) -> None:
        """Forget a place; what lies there stays.

        Raises:
            NoSuchPlace: there is none of this name.
        """
        self._access.require_admin(principal, fresh=True)

        def change(unit: Unit) -> None:
            if not store.remove_place(unit.sql, name):
                raise NoSuchPlace(
                    N_("There is no place “{name}”."),
                    fix=N_("See which there are: cloudconnect backup place list"),
                    name=name,
                )
            unit.record(PlaceRemoved(subject=name))

        await self._log.commit(change, actor=principal)

    async def set_schedule(
        self, principal: Principal, name: str, every_hours: int | None, keep: Keep | None
    ) -> PlaceFacts:
        """Have the clock make backups at a place and remove old ones; with None for the hours, no longer.

        Raises:
            BadSchedule: the hours are not between 1 and 8,760, or nothing would be kept.
            BadPlace, NoSuchPlace: it is no place.
        """
        self._access.require_admin(principal, fresh=True)
        if (every_hours is not None and not 1 <= every_hours <= _HOURS_MAX) or (
            keep is not None and not keep.is_something
        ):
            raise BadSchedule(
                N_("Backups are made every hour at the most, once a year at the least, and some are kept."),
                fix=N_("Say for example: --every 24 --keep-daily 7 --keep-weekly 8"),
            )
        place = await asyncio.to_thread(self._places.find, name)

        def change(unit: Unit) -> PlaceFacts:
            store.add_place(unit.sql, place, unit.now_ms)
            store.set_schedule(unit.sql, name, every_hours, keep, unit.now_ms)
            unit.record(ScheduleSet(subject=name, every_hours=every_hours or 0))
            found = store.find_place(unit.sql, name)
            if found is None:
                raise LookupError("the place that was just added")
            return found

        return await self._log.commit(change, actor=principal)

    def rewrite_keys(self) -> dict[str, bool]:
        """Write the copy of the keyring at every known place anew; say of each whether that could be done."""
        done = {}
        for facts in self._database.read_now(store.find_places):
            try:
                place = self._places.open(facts)
                place.claim(self._repository.keyring)
                with self._maker.keys_lock:
                    place.put_keys(self._repository.keyring)
            except CloudConnectError:
                done[facts.name] = False
            else:
                done[facts.name] = True
        return done

    def sign_marks(self) -> None:
        """Sign the marks of known places that an earlier release made."""
        sign_marks(self._log, self._database, self._places, self._repository.keyring)

    def abort_uploads(self) -> None:
        """Abort uploads to the buckets that backups go to which were begun long ago and never ended."""
        for facts in self._database.read_now(store.find_places):
            with contextlib.suppress(CloudConnectError):
                abort_uploads(self._places.open(facts).shelf, self._clock.now())

    async def check(self) -> str:
        """Return ``ok``, or ``unproved`` when no backup of a scheduled place was proved within the last seven days."""
        now = self._clock.now()
        places = await self._database.read(store.find_places)
        return "unproved" if any(needs_proof(place, now) for place in places) else "ok"

    # Backups

    async def find_backups(self, principal: Principal, place: str) -> list[BackupListed]:
        """Return the backups in *place*, oldest first; one that cannot be read has no moment.

        Raises:
            BadPlace, NoSuchPlace: it is no place.
            NoSuchBackup: the directory is not there.
        """
        self._access.require_admin(principal)

        def look() -> list[BackupListed]:
            found = self._places.open(self._places.find(place))
            return [self._listed(found, each) for each in found.ids()]

        return await asyncio.to_thread(look)

    def check_create(self, parameters: Mapping[str, str]) -> None:
        """Return if the place ``to`` can be one of backups, or refuse as :meth:`run_create` would."""
        self._places.find(parameters.get("to", ""))

    def check_prune(self, parameters: Mapping[str, str]) -> None:
        """Return if it is said what to keep at the place ``at``, or refuse as :meth:`run_prune` would."""
        options_of(parameters)
        self._places.find(parameters.get("at", ""))

    def check_read(self, parameters: Mapping[str, str]) -> None:
        """Return if the place ``from`` has the backup ``id``, or refuse as :meth:`run_verify` would."""
        place = self._places.open(self._places.find(parameters.get("from", "")))
        _chosen(place, parameters.get("id", ""), self._repository)

    def run_create(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Make a backup at the place that the parameter ``to`` names (``ports.operations.Kind.run``)."""
        with self._alone(progress):
            return self._create(self._places.find(parameters.get("to", "")), progress)

    def run_scheduled(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Do what the clock asks for at the place ``to``: make a backup, remove old ones, and prove it once in a while.

        The proof comes a day before one would be missed.
        """
        place = self._places.find(parameters.get("to", ""))
        with self._alone(progress):
            outcome = dict(self._create(place, progress))
            if place.keep is not None:
                outcome |= self._prune_after(place, place.keep, progress)
        if needs_proof(place, self._clock.now(), VERIFIED_WITHIN - timedelta(days=1)):
            self.run_verify({"from": place.name}, progress)
            outcome["verified"] = "yes"
        return outcome

    def _prune_after(self, place: PlaceFacts, keep: Keep, progress: Progress) -> Outcome:
        try:
            removed = self._prune(place, PruneOptions(keep), progress)
        except BackupDamaged as refusal:
            # The backup that was just made is worth more than the room of old ones.
            return {"not_removed": refusal.code}
        return {"removed_backups": removed["backups"], "freed_bytes": removed["bytes"]}

    def find_due(self) -> list[str]:
        """Return the places at which the clock asks for a backup."""
        now = self._clock.now()
        return [place.name for place in self._database.read_now(store.find_places) if is_due(place, now)]

    async def tell_overdue(self) -> None:
        """Record, once until one comes, of each place that no backup came there for twice its interval."""

        def change(unit: Unit) -> None:
            for place in store.find_places(unit.sql):
                if place.told_overdue is None and is_overdue(place, self._clock.now()):
                    store.note_overdue(unit.sql, place.name, unit.now_ms)
                    unit.record(BackupOverdue(subject=place.name, every_hours=place.every_hours or 0))

        now = self._clock.now()
        places = await self._database.read(store.find_places)
        if any(place.told_overdue is None and is_overdue(place, now) for place in places):
            await self._log.commit(change, actor=APPLIANCE)

    def run_prune(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Remove old backups at the place ``at``; the newest always stays.

        ``last``, ``daily``, ``weekly`` and ``monthly`` say how many to keep, ``trial`` = ``yes`` removes nothing, and
        ``damaged`` = ``yes`` gives up the backups whose descriptions cannot be read.

        Raises:
            BadSchedule: nothing is said of what to keep.
            BackupDamaged: a description cannot be read, so nobody knows which packs it needs.
        """
        options = options_of(parameters)
        with self._alone(progress):
            return self._prune(self._places.find(parameters.get("at", "")), options, progress)

    def run_restore(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Put a file, a folder or a space of a backup back, aside or in its place; see :class:`PartRestorer`.

        Parameters: ``from``, the place; ``id``, by default the newest; ``space``; ``path``; ``into``, the folder, by
        default one named after the moment; ``space_into``, by default the same; ``live`` = ``yes`` for its own place.

        Raises:
            NotInBackup: the backup does not hold it.
            NoSuchPlace, NoSuchBackup, BackupDamaged: it cannot be had.
        """
        place = self._places.open(self._places.find(parameters.get("from", "")))
        begun = json.loads(progress.checkpoint) if progress.checkpoint else {}
        with self._alone(progress):
            backup = _chosen(place, begun.get("id") or parameters.get("id", ""), self._repository)
            wish = self._wish(parameters, begun.get("folder"))
            # A run that is interrupted goes on with the same backup and in the same folder.
            progress.keep(json.dumps({"id": backup.id, "folder": wish.folder}))
            return PartRestorer(self._log, self._repository, self._restoring).run(place, backup, wish, progress)

    def _wish(self, parameters: Mapping[str, str], folder: str | None) -> Wish:
        moment = f"{self._clock.now():%Y-%m-%d %H.%M.%S}"
        if folder is None:
            folder = "" if parameters.get("live") == "yes" else parameters.get("into", "") or f"/Restored {moment}"
        return Wish(
            space=parameters.get("space", ""),
            path=parameters.get("path", "/"),
            space_into=parameters.get("space_into", "") or parameters.get("space", ""),
            folder=folder,
        )

    def run_verify(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Restore a backup into a scratch place and compare: every pack, the database, and the content of versions.

        Damaged packs are set aside in their place, if it is ours, so that the next backup copies them anew.

        Parameters: ``from``, the directory; ``id``, by default the newest; ``sample``, how many of a hundred versions
        are read, by default 5.

        Raises:
            BackupDamaged: something in it is missing or is not what was backed up.
        """
        facts = self._places.find(parameters.get("from", ""))
        with self._alone(progress):
            place = self._places.open(facts)
            backup = _chosen(place, parameters.get("id", ""), self._repository)
            return self._verifier.run(facts, place, backup, _sample(parameters), progress)

    def _create(self, facts: PlaceFacts, progress: Progress) -> Outcome:
        return self._maker.run(facts, self._places.open_to_add(facts), progress)

    def _prune(self, facts: PlaceFacts, options: PruneOptions, progress: Progress) -> dict[str, int]:
        removed = prune(self._places.open(facts), self._repository.keyring, options, progress)
        if removed["backups"] and not options.is_trial:
            fact = BackupsPruned(subject=facts.name, backups=removed["backups"], freed_bytes=removed["bytes"])
            self._log.commit_now(lambda unit: unit.record(fact), actor=APPLIANCE)
        return removed

    @contextlib.contextmanager
    def _alone(self, progress: Progress) -> Iterator[None]:
        """Let no other operation add or remove packs at any place meanwhile."""
        while not self._working.acquire(timeout=_LOOK_SECONDS):
            progress.report(0, 0, "waiting for another operation")
            progress.check()
        try:
            yield
        finally:
            self._working.release()

    def _listed(self, place: BackupPlace, identifier: str) -> BackupListed:
        try:
            found = place.get(identifier, self._repository.keyring)
        except BackupDamaged:
            return BackupListed(identifier, "", 0, "", 0, 0)
        return BackupListed(found.id, found.created, found.position, found.version, len(found.packs), found.size)


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
