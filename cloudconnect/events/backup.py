"""What happens to backups."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMade(Fact):
    """A backup was made as of ``position``; ``subject`` is its id."""

    kind: ClassVar[str] = "backup.backup-made"
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupVerified(Fact):
    """A backup was restored into a scratch place and found whole."""

    kind: ClassVar[str] = "backup.backup-verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupsPruned(Fact):
    """Old backups were removed; ``subject`` is their place."""

    kind: ClassVar[str] = "backup.backups-pruned"
    backups: int
    freed_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAdded(Fact):
    """A place of backups was added; ``type`` is local, s3 or azure."""

    kind: ClassVar[str] = "backup.place-added"
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceClaimed(Fact):
    """A place of backups was taken over from another installation; ``installation`` is that one's id, if it had one."""

    kind: ClassVar[str] = "backup.place-claimed"
    installation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRemoved(Fact):
    """A place of backups was forgotten; what lies there stays."""

    kind: ClassVar[str] = "backup.place-removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOverdue(Fact):
    """No backup came to the scheduled place ``subject`` for twice its interval; told once, until one comes."""

    kind: ClassVar[str] = "backup.overdue"
    every_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSet(Fact):
    """Backups are made at a place every so many hours; 0 means no longer."""

    kind: ClassVar[str] = "backup.schedule-set"
    every_hours: int
