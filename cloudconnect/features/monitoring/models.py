"""The nouns of the monitoring room."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The appliance as its administrator sees it; sizes in bytes, ``listeners`` says how many facts each is behind.

    ``away`` names the storages that do not answer; ``database_check`` is what the last check of the database found,
    empty as long as none has ended.
    """

    version: str
    started: datetime
    position: int
    database: str
    schema: str
    storage: str
    store_state: str
    packs: int
    stored_bytes: int
    free_bytes: int
    users: int
    spaces: int
    listeners: dict[str, int]
    parked: int
    damaged_packs: int
    damaged_chunks: int
    damaged_files: int
    away: list[str]
    database_check: str
