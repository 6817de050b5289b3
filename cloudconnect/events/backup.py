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
