"""Removing old backups, and the packs that only they needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cloudconnect.features.backup.errors import BadSchedule
from cloudconnect.features.backup.models import Keep
from cloudconnect.features.backup.rules import choose_kept
from cloudconnect.kernel.text import N_
from cloudconnect.ports.operations import Progress
from cloudconnect.storage.backup_places import Backup, BackupPlace
from cloudconnect.storage.errors import BackupDamaged
from cloudconnect.storage.keyring import Keyring

_COUNT_MAX = 100_000


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """What to keep; a trial removes nothing; *gives_up_damaged* also removes what has an unreadable description."""

    keep: Keep
    is_trial: bool = False
    gives_up_damaged: bool = False


def options_of(parameters: Mapping[str, str]) -> PruneOptions:
    """Return what the parameters of the operation ask for.

    Raises:
        BadSchedule: nothing is said of what to keep.
    """
    counts = {name: parameters.get(name, "") for name in ("last", "daily", "weekly", "monthly")}
    keep = Keep(**{name: min(int(text), _COUNT_MAX) if text.isdecimal() else 0 for name, text in counts.items()})
    if not keep.is_something:
        raise BadSchedule(N_("It is not said what to keep."), fix=N_("Say for example: --keep-daily 7 --keep-weekly 8"))
    return PruneOptions(keep, parameters.get("trial") == "yes", parameters.get("damaged") == "yes")


def prune(place: BackupPlace, keyring: Keyring, options: PruneOptions, progress: Progress) -> dict[str, int]:
    """Remove the backups at *place* that are not to be kept; return how many, and the packs and bytes that went.

    The descriptions go first, then the packs that no other backup needs, so breaking it off loses no backup that stays.

    Raises:
        PlaceTaken, PlaceInUse: the place is not this installation's.
        BackupDamaged: a description cannot be read, so nobody knows which packs it needs.
    """
    place.claim(keyring)
    backups, unreadable = _read(place, keyring, options)
    kept = choose_kept([(each.id, datetime.fromisoformat(each.created)) for each in backups], options.keep)
    needed = {pack for each in backups if each.id in kept for pack in each.pack_ids()}
    gone = [each.id for each in backups if each.id not in kept] + unreadable
    for identifier in [] if options.is_trial else gone:
        progress.check()
        place.remove(identifier)
    packs, size = place.remove_packs(needed, progress.check, is_trial=options.is_trial)
    return {"backups": len(gone), "kept": len(kept), "packs": packs, "bytes": size}


def _read(place: BackupPlace, keyring: Keyring, options: PruneOptions) -> tuple[list[Backup], list[str]]:
    """Return the backups at *place*, and the ids of those that are given up."""
    backups: list[Backup] = []
    unreadable: list[str] = []
    for identifier in place.ids():
        try:
            backups.append(place.get(identifier, keyring))
        except BackupDamaged as error:
            if not options.gives_up_damaged:
                raise BackupDamaged(
                    N_("The description of the backup “{id}” cannot be read, so nobody knows which packs it needs."),
                    fix=N_("To lose that backup: cloudconnect backup prune {place} --give-up-damaged and what to keep"),
                    id=identifier,
                    place=place.name,
                ) from error
            unreadable.append(identifier)
    if unreadable and not backups:
        raise BackupDamaged(
            N_("No description of a backup in {place} can be read."),
            fix=N_("Make a new backup first: cloudconnect backup create {place}"),
            place=place.name,
        )
    return backups, unreadable
