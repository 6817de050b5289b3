"""Versions of files, how long they and the trash are kept, and what is given up."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.files import Path
from cloudconnect.wire.shape import Answer, Request

_Seq = Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
_Policy = Annotated[str, msgspec.Meta(max_length=4_000, examples=["keep all 24h, hourly 7d, daily 90d, weekly 1y"])]

_TrashPolicy = Annotated[
    str, msgspec.Meta(max_length=4_000, examples=["keep 30d; at least 1d; at most 20 % of the space"])
]


class Version(Answer, frozen=True):
    """A version of a file, named by its ``seq``.

    ``pruned`` says since when its content is gone, null while it is there; ``pin`` why it is kept, null if it ages.
    """

    seq: int
    size: int
    sha256: str
    media_type: str
    author: str
    created: datetime
    is_present: bool
    pruned: datetime | None
    pin: str | None


class PinnedVersion(Version, frozen=True):
    """A version that is pinned, or ages again; ``undo`` takes that back, empty where it was so."""

    undo: str = ""


class VersionOf(Request, frozen=True):
    """A version of the file at a path."""

    path: Path
    version: _Seq


class NewPin(Request, frozen=True):
    """A version to keep whatever its age, and why; a null note lets it age again."""

    path: Path
    version: _Seq
    note: Annotated[str, msgspec.Meta(max_length=500)] | None = ""


class Retention(Answer, frozen=True):
    """How long a space keeps versions, in the words of a policy, and the trash, in days or words; null: the default."""

    versions: str | None
    trash_days: int | None
    trash: str | None = None


class ChangedRetention(Retention, frozen=True):
    """What a space keeps after a change, which ``undo`` takes back; empty where nothing changed."""

    undo: str = ""


class NewRetention(Request, frozen=True):
    """What a space is to keep from now on; null for the default of the appliance.

    The trash is told in days or in words, not both.
    """

    versions: _Policy | None = None
    trash_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    trash: _TrashPolicy | None = None


class Preview(Request, frozen=True):
    """The policies to try; null tries the one that holds."""

    versions: _Policy | None = None
    trash: _TrashPolicy | None = None


class Pruned(Answer, frozen=True):
    """What policies let go: versions, the files they are of, and their plain bytes; and the same of the trash."""

    versions: int
    files: int
    bytes: int
    trashed: int
    trash_bytes: int


class Pruning(Answer, frozen=True):
    """The operation that lets old versions go: see /operations."""

    operation: str


class Emptying(Request, frozen=True):
    """What to give up: what was removed longer ago than so many days, or everything; ``dry_run`` only counts it."""

    older_than_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] | None = None
    dry_run: bool = False


class Emptied(Answer, frozen=True):
    """How many things were, or would be, given up, and the plain bytes of what they held."""

    count: int
    bytes: int
