"""The nouns of the backup room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BackupListed:
    """A backup as a list shows it; sizes in bytes."""

    id: str
    created: str
    position: int
    version: str
    packs: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Keep:
    """Which backups stay: the last few, and the newest of each of the last days, weeks and months."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    @property
    def is_something(self) -> bool:
        """Whether any backup is kept by it."""
        return any((self.last, self.daily, self.weekly, self.monthly))


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """A place of backups as it is known here; the moments are None as long as nothing of that sort happened."""

    name: str
    kind: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    every_hours: int | None = None
    keep: Keep | None = None
    backed_up: datetime | None = None
    verified: datetime | None = None
    scheduled: datetime | None = None
    told_overdue: datetime | None = None
    signed: datetime | None = None
    """Since when its mark is known to be signed."""
