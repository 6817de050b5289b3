"""Backups, and the places they go to."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request

_Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
_Text = Annotated[str, msgspec.Meta(max_length=1_000)]


class Backup(Answer, frozen=True):
    """A backup: the position of the log that it holds, and how much its packs take."""

    id: str
    created: str
    position: int
    version: str
    packs: int
    bytes: int


class Keep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which backups stay: the last few, and the newest of each of the last days, weeks and months."""

    last: _Count = 0
    daily: _Count = 0
    weekly: _Count = 0
    monthly: _Count = 0


class NewSchedule(Request, frozen=True):
    """Make a backup every so many hours, and remove others than are kept; null for the hours ends it."""

    every_hours: Annotated[int, msgspec.Meta(ge=1, le=8_760, examples=[24])] | None
    keep: Keep | None = None


class NewBackupPlace(Request, frozen=True):
    """A bucket that backups can go to; ``credentials_file`` among the parameters is a file of the server."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=32, examples=["away"])]
    kind: Annotated[str, msgspec.Meta(pattern="^(local|s3|azure)$", examples=["s3"])]
    parameters: Annotated[dict[str, _Text], msgspec.Meta(max_length=10)]


class BackupPlace(Answer, frozen=True):
    """A place of backups: when one was last made and proved there, and what the clock does."""

    name: str
    kind: str
    parameters: dict[str, str]
    every_hours: int | None
    keep: Keep | None
    backed_up: datetime | None
    verified: datetime | None


class SpaceOf(Answer, frozen=True):
    """The id of a space."""

    id: str
