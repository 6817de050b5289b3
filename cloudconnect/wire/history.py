"""Taking back what was done, moments that have names, and what differs between two of them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from cloudconnect.wire.files import Path
from cloudconnect.wire.shape import Answer, Request

Moment = Annotated[str, msgspec.Meta(max_length=120, examples=["3h", "seq:120", "snapshot:before"])]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120, examples=["before the move"])]
_Id = Annotated[str, msgspec.Meta(max_length=100)]


class Undo(Request, frozen=True):
    """What to take back: the change that a token names, or the last ones of one's own that are not undone yet.

    ``skip_conflicts`` puts back what can be and leaves the rest; ``dry_run`` only tells what would happen.
    """

    token: Annotated[str, msgspec.Meta(max_length=1_000_000)] | None = None
    last: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    skip_conflicts: bool = False
    dry_run: bool = False


class Rollback(Request, frozen=True):
    """Whose changes to take back: of sessions, devices or tokens by id, of a user, in a period, below a path.

    What is left out bounds nothing, but one of ``sessions``, ``by`` and ``since`` must be there.
    """

    sessions: Annotated[list[_Id], msgspec.Meta(max_length=100)] = []
    by: _Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    path: Path = "/"
    skip_conflicts: bool = False
    dry_run: bool = False


class GiveBack(Request, frozen=True):
    """What to make what it was at a moment.

    What is in the folder now and was not then goes to the trash, unless ``keep_new`` is true.
    """

    path: Path
    at: Moment
    keep_new: bool = False
    skip_conflicts: bool = False
    dry_run: bool = False


class Hindrance(Answer, frozen=True):
    """Something that cannot be put back, where it is or was last, and why."""

    id: str
    path: str
    reason: Literal[
        "changed-later",
        "name-taken",
        "folder-gone",
        "into-itself",
        "holds-newer",
        "purged",
        "version-gone",
        "set-later",
        "not-allowed",
        "locked",
    ]


class Reverted(Answer, frozen=True):
    """What putting back did, or would do.

    ``trashed`` went to the trash, ``restored`` came back from it, ``moved`` have an earlier place, ``rewritten`` an
    earlier content, ``copied`` are new with an earlier content; ``bytes`` are those of what came back or was rewritten;
    ``retagged`` got or lost tags, ``reset`` counts settings that are what they were.
    ``conflicts`` counts what stood in the way, ``hindrances`` names the first thousand. ``undo`` takes all that back.
    """

    trashed: int
    restored: int
    moved: int
    rewritten: int
    copied: int
    bytes: int
    conflicts: int
    hindrances: list[Hindrance]
    undo: str | None = None
    retagged: int = 0
    reset: int = 0


class Undoable(Answer, frozen=True):
    """A change of one's own that can be undone: its token, when it was made, its first fact, where, how many facts."""

    undo: str
    at: datetime
    kind: str
    path: str
    facts: int


class NewSnapshot(Request, frozen=True):
    """A name for a moment; the present if none is named."""

    name: _Name
    at: Moment | None = None


class Snapshot(Answer, frozen=True):
    """A moment with a name: its place in the space's log, its time, and who named it when."""

    name: str
    seq: int
    at: datetime
    created: datetime
    created_by: str


class ChangedSnapshot(Snapshot, frozen=True):
    """A moment that got or lost its name; ``undo`` takes that back."""

    undo: str = ""


class Differing(Answer, frozen=True):
    """What differs between two moments: its paths and sizes then, null where there is none.

    A folder that is removed or moved stands for all in it.
    """

    id: str
    how: Literal["added", "removed", "modified", "moved"]
    kind: Literal["file", "folder"]
    before: str | None
    after: str | None
    size_before: int | None
    size_after: int | None


class DifferenceSummary(Answer, frozen=True):
    """How many things differ between two moments, and how many bytes more the later one has."""

    added: int
    removed: int
    modified: int
    moved: int
    bytes_more: int
