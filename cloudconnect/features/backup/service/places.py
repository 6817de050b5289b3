"""Where backups go: directories by their path, and buckets by the name they were added under."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cloudconnect.database import Database
from cloudconnect.features.backup import store
from cloudconnect.features.backup.errors import BadPlace, NoSuchPlace
from cloudconnect.features.backup.models import PlaceFacts
from cloudconnect.kernel.text import N_
from cloudconnect.storage.backup_places import BackupPlace
from cloudconnect.storage.errors import NoSuchBackup

LOCAL = "local"

OpenShelf = Callable[[str, Mapping[str, str]], BackupPlace]
"""Opens a place by its kind and parameters; the parameter ``directory`` is that of a local one."""


class Places:
    """Finds and opens places; *home* is the data directory, which holds no backups of itself."""

    def __init__(self, database: Database, home: Path, open_shelf: OpenShelf) -> None:
        self._database = database
        self._home = home
        self._open_shelf = open_shelf

    def find(self, name: str) -> PlaceFacts:
        """Return the place *name*: one that was added, or a directory by its absolute path.

        Raises:
            BadPlace: it is a path that cannot hold backups.
            NoSuchPlace: it is a name that no place has.
        """
        known = self._database.read_now(lambda sql: store.find_place(sql, name))
        if known is not None:
            return known
        if "/" not in name:
            raise NoSuchPlace(
                N_("There is no place “{name}”."),
                fix=N_("Name a directory by its absolute path, or add a place: cloudconnect backup place add"),
                name=name,
            )
        path = Path(name)
        if not path.is_absolute() or path.is_relative_to(self._home):
            raise BadPlace(
                N_("“{place}” cannot hold backups."),
                fix=N_("Name a directory by its absolute path, outside the data directory, best on another disk."),
                place=name,
            )
        return PlaceFacts(name, LOCAL, {"directory": name})

    def open(self, facts: PlaceFacts, *, is_made: bool = False) -> BackupPlace:
        """Open a place; a directory that is not there is made if *is_made*.

        Raises:
            NoSuchBackup: the directory is not there.
            BadBackend, BadCredentials: what is known of the bucket is not enough.
        """
        if facts.kind == LOCAL and not is_made and not Path(facts.parameters["directory"]).is_dir():
            raise NoSuchBackup(
                N_("There is no directory “{place}”."),
                fix=N_("Name the one with the backups; is its disk mounted?"),
                place=facts.name,
            )
        place = self._open_shelf(facts.kind, {**facts.parameters, "name": facts.name})
        place.is_signed = facts.signed is not None
        return place

    def open_to_add(self, facts: PlaceFacts) -> BackupPlace:
        """Open a place that a backup is to be made in; a directory is made, unless there were backups in it before.

        Raises:
            NoSuchBackup: there were, and now there is nothing: its disk is not mounted.
            BadBackend, BadCredentials: what is known of the bucket is not enough.
        """
        place = self.open(facts, is_made=facts.backed_up is None)
        if facts.backed_up is not None and place.is_empty():
            raise NoSuchBackup(
                N_("There were backups in {place}, and now it is empty."),
                fix=N_("Is its disk mounted? To begin anew there: cloudconnect backup place remove {place}"),
                place=facts.name,
            )
        return place
