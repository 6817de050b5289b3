"""What is kept of what was: the trash, and versions."""

from dataclasses import dataclass
from datetime import datetime

from cloudconnect.features.files.models.entries import EntryKind
from cloudconnect.kernel.ids import NodeId


@dataclass(frozen=True, slots=True)
class Trashed:
    """Something in the trash, and where it was."""

    node: NodeId
    parent: NodeId
    name: str
    path: str
    kind: EntryKind
    size: int | None
    seq: int
    trashed: datetime
    trashed_by: str


@dataclass(frozen=True, slots=True)
class TrashTotal:
    """What emptying the trash takes away: how many things were removed, and the plain bytes of what they held."""

    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TrashChange:
    """What went to the trash, the seq at which it did, and what undoes it."""

    trashed: Trashed
    seq: int
    undo: str = ""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """A version as it is listed: ``pruned`` tells since when its content is gone, ``pin`` why it is kept, if it is."""

    node: NodeId
    seq: int
    size: int
    sha256: bytes
    media_type: str
    author: str
    created: datetime
    pruned: datetime | None
    pin: str | None
    is_present: bool = False
