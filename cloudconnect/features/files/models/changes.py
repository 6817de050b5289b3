"""What a change needs to know, and what it answers."""

from dataclasses import dataclass

from cloudconnect.features.files.models.entries import Entry
from cloudconnect.kernel.errors import CloudConnectError


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a change: ETags as in If-Match and If-None-Match (RFC 9110), ``*`` for anything there.

    ``is_whatever`` says that whatever is there, or nothing, will do: for protocols that replace without being asked.
    """

    if_match: frozenset[str] | None = None
    if_none_match: frozenset[str] | None = None
    is_whatever: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """An entry after a change, the seq at which it happened, and what undoes it, empty where nothing changed."""

    entry: Entry
    seq: int
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Put:
    """A file after its upload; ``stored_bytes`` went to disk, ``reused_bytes`` of its content were there already.

    ``undo`` takes it back.
    """

    entry: Entry
    created: bool
    seq: int
    stored_bytes: int
    reused_bytes: int
    undo: str = ""


@dataclass(frozen=True, slots=True)
class NewItem:
    """A small file, or a folder when ``raw`` is None, on its way in with many others.

    ``etag`` says what may be there now: None for nothing, ``*`` for anything, else the one state that is meant.
    """

    path: str
    raw: bytes | memoryview | None
    modified_ns: int | None
    etag: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of many items, in their order: the entry, or why it was refused; ``undo`` takes all of it back."""

    outcomes: list[Entry | CloudConnectError]
    stored_bytes: int
    reused_bytes: int
    undo: str = ""
