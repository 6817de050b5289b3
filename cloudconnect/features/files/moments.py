"""The nouns of the past: what a change touched, what undoing it would do, and how two moments differ."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cloudconnect.features.files.models import EntryKind
from cloudconnect.kernel.ids import NodeId, SpaceId


class Seqs:
    """A set of places in the log of one space, kept as ranges that neither touch nor overlap."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def __contains__(self, seq: int) -> bool:
        """Tell whether *seq* is one of them."""
        index = bisect_right(self._firsts, seq) - 1
        return index >= 0 and seq <= self._lasts[index]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges in order, each with its first and last seq."""
        return zip(self._firsts, self._lasts, strict=True)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self._firsts)

    @property
    def first(self) -> int:
        """The least of them."""
        return self._firsts[0]

    @property
    def last(self) -> int:
        """The greatest of them."""
        return self._lasts[-1]


@dataclass(frozen=True, slots=True)
class UndoToken:
    """Names what can be undone: a space and places in its log. ``str()`` gives the text that people hand back."""

    space: SpaceId
    seqs: Seqs

    def __str__(self) -> str:
        """Return ``spc_….120-125``, or several ranges with commas between them."""
        return f"{self.space}.{','.join(f'{first}-{last}' for first, last in self.seqs)}"


class Obstacle(StrEnum):
    """Why something cannot be put back."""

    CHANGED = "changed-later"
    NAME_TAKEN = "name-taken"
    FOLDER_GONE = "folder-gone"
    INTO_ITSELF = "into-itself"
    HOLDS_NEWER = "holds-newer"
    PURGED = "purged"
    VERSION_GONE = "version-gone"
    SET_LATER = "set-later"
    NOT_ALLOWED = "not-allowed"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """A file or folder that cannot be put back, where it is or was last, and why."""

    node: NodeId
    path: str
    obstacle: Obstacle


@dataclass(frozen=True, slots=True)
class Reverted:
    """What putting back did, or would do: how many nodes, and what stood in the way.

    ``trashed`` went to the trash, ``restored`` came back from it, ``moved`` have an earlier place, ``rewritten`` an
    earlier content, ``copied`` are new with an earlier content; ``bytes`` are the plain bytes of what came back or was
    rewritten; ``retagged`` got or lost tags, ``reset`` settings are what they were. ``hindrances`` names the first
    thousand of what was ``hindered``. ``undo`` takes all that back, None when nothing was done.
    """

    trashed: int
    restored: int
    moved: int
    rewritten: int
    copied: int
    bytes: int
    hindered: int
    hindrances: list[Hindrance]
    undo: UndoToken | None = None
    retagged: int = 0
    reset: int = 0


@dataclass(frozen=True, slots=True)
class Undoable:
    """A change that can be undone: when it was made, what its first fact was, where, and how many facts it made."""

    token: UndoToken
    at: datetime
    kind: str
    path: str
    facts: int


@dataclass(frozen=True, slots=True)
class Deeds:
    """Whose changes are meant, and when they were made; what is None or empty bounds nothing."""

    credentials: frozenset[str] = frozenset()
    actor: str | None = None
    since: str | None = None
    until: str | None = None
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A name for a moment of a space; every version that was there then is kept."""

    name: str
    seq: int
    at: datetime
    created: datetime
    created_by: str


class Difference(StrEnum):
    """How something differs between two moments."""

    ADDED = "added"
    REMOVED = "removed"
    MODIFIED = "modified"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Differing:
    """A file or folder that differs between two moments; a folder that is removed or moved stands for all in it.

    ``before`` and ``after`` are the paths then, None where there was none; sizes are plain bytes, None for folders.
    """

    node: NodeId
    how: Difference
    kind: EntryKind
    before: str | None
    after: str | None
    size_before: int | None
    size_after: int | None


@dataclass(slots=True)
class DifferenceSummary:
    """How many things differ, by how, and how many plain bytes more the later moment has."""

    counts: dict[Difference, int] = field(default_factory=lambda: dict.fromkeys(Difference, 0))
    bytes_more: int = 0
