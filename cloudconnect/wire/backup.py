"""Backups."""

from cloudconnect.wire.shape import Answer


class Backup(Answer, frozen=True):
    """A backup: the position of the log that it holds, and how much its packs take."""

    id: str
    created: str
    position: int
    version: str
    packs: int
    bytes: int
