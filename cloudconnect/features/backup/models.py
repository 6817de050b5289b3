"""The nouns of the backup room."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackupListed:
    """A backup as a list shows it; sizes in bytes."""

    id: str
    created: str
    position: int
    version: str
    packs: int
    bytes: int
