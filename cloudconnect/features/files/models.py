"""The nouns of the files room."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import LockId, NodeId, SpaceId, UserId
from cloudconnect.kernel.values import Value


class EntryKind(StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"


class Listing(StrEnum):
    """What a listing of a folder shows, and in which order."""

    BY_NAME = "name"
    FOLDERS_FIRST = "folders-first"
    FOLDERS = "folders"


class SpaceKind(StrEnum):
    """What sort of space it is."""

    PERSONAL = "personal"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Space:
    """A tree with one owner and one key domain; ``seq`` is the last place in its log.

    ``used_bytes`` counts every file in its latest version, in the tree or in the trash; ``quota_bytes`` is what that
    may come to, None for no limit. ``brake_changes`` is how many files one session may remove or overwrite in a minute,
    None for the default, 0 for any number. While it is ``archived`` nothing in it changes.
    """

    id: SpaceId
    name: str
    kind: SpaceKind
    owner: UserId
    root: NodeId
    seq: int
    created: datetime
    used_bytes: int = 0
    quota_bytes: int | None = None
    brake_changes: int | None = None
    archived: datetime | None = None


@dataclass(frozen=True, slots=True)
class Brake:
    """A session that was stopped from writing to a space: whose, why, after how many changes, and at which seq."""

    id: str
    space: SpaceId
    session: str
    actor: str
    actor_name: str
    reason: str
    changes: int
    seq: int
    pulled: datetime
    lifted: datetime | None


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A version of a file of which some chunks are missing or changed, and when the first of them was found so.

    The path is where the file is, or where it was last; ``size`` is plain bytes, ``is_present`` tells whether this
    version is what is there now.
    """

    space: SpaceId
    path: str
    version: int
    node: NodeId
    size: int
    chunks: int
    found: datetime
    is_present: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder at a place in the tree.

    ``modified_ns`` is nanoseconds since 1970, as the client gave it. A file's ``version`` is the seq at which its
    content was written, its ``size`` plain bytes; a folder has neither, nor a media type, nor a hash.
    """

    node: NodeId
    parent: NodeId | None
    name: str
    path: str
    modified_ns: int
    from_seq: int
    version: int | None
    size: int | None
    media_type: str | None
    sha256: bytes | None

    @property
    def kind(self) -> EntryKind:
        """Whether this is a file or a folder."""
        return EntryKind.FOLDER if self.version is None else EntryKind.FILE

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder."""
        return self.version is None

    @property
    def etag(self) -> str:
        """A strong validator: it names the content of a file, or the state of a folder's own row."""
        return f"{self.node.removeprefix('nod_')}.{self.from_seq if self.version is None else self.version}"


@dataclass(frozen=True, slots=True)
class Tag:
    """A word on an entry, with a value or without; an entry has each name once."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that a selection selects, with its tags by name."""

    entry: Entry
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Favourite:
    """A favourite of somebody, and the space it is in."""

    space: SpaceId
    entry: Entry


class BulkDeed(StrEnum):
    """What can be done to everything that a selection selects."""

    TRASH = "trash"
    MOVE = "move"
    TAG = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEdit:
    """What to do to everything that ``where`` selects below the folder at ``path``.

    Moving is ``into`` a folder; tags are ``added`` and ``removed`` by name. Folders of which not everything is selected
    stay where they are unless the edit ``is_recursive``.
    """

    where: str
    deed: BulkDeed
    path: str = "/"
    into: str = ""
    added: tuple[Tag, ...] = ()
    removed: tuple[str, ...] = ()
    is_recursive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPlan:
    """What an edit in bulk would do as of ``seq``: to how many items, and what these are with all that goes along.

    ``token`` stands for exactly this; ``examples`` are the first paths by name.
    """

    token: str
    seq: int
    items: int
    files: int
    folders: int
    logical_bytes: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BulkEdited:
    """What an edit in bulk has done, to how many items, the last seq of it, and what undoes it."""

    plan: BulkPlan
    items: int
    seq: int
    undo: str = ""


@dataclass(frozen=True, slots=True)
class TagsChange:
    """All the tags that something has after a change of them, and what undoes it, empty if nothing was changed."""

    tags: list[Tag]
    undo: str = ""


@dataclass(frozen=True, slots=True)
class TagUse:
    """A name of tags, and how many entries have one."""

    name: str
    entries: int


class FieldKind(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """What a space demands of tags of one name; ``choices`` are the only values of a choice, none otherwise."""

    name: str
    kind: FieldKind
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a file's content; it never changes. Named by its node and the seq at which it was written."""

    node: NodeId
    seq: int
    size: int
    sha256: bytes
    media_type: str
    manifest: bytes
    content: bytes | None
    author: str
    created: datetime


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


LONGEST_BYTES: Final = 5 << 40
"""The most that a file may have which comes in many requests."""


class UploadKind(StrEnum):
    """What an upload in progress is for."""

    WHOLE = "whole"
    PART = "part"
    JOINED = "joined"
    CROSSING = "crossing"


class UploadState(StrEnum):
    """How far an upload is: it goes on, it became a file, or it is being forgotten."""

    OPEN = "open"
    DONE = "done"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """What an upload becomes once it is complete.

    ``metadata`` is what the client wants to be told again, in its own words.
    """

    path: str
    modified_ns: int | None = None
    media_type: str | None = None
    condition: Condition = Condition()
    parents: bool = False
    metadata: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload in progress, or one that is complete and still remembered.

    ``length`` is the plain bytes it will have, None as long as nobody said; ``received`` those that are durable, of
    which ``chunks`` chunks hold all but the last. A joined upload is made of ``parts``, other uploads by id. Once it is
    done, ``node`` and ``version`` name what it became.
    """

    id: str
    kind: UploadKind
    state: UploadState
    principal: str
    space: SpaceId
    plan: UploadPlan
    length: int | None
    received: int
    created: datetime
    expires: datetime
    chunks: int = 0
    stored_bytes: int = 0
    reused_bytes: int = 0
    parts: tuple[str, ...] = ()
    node: NodeId | None = None
    version: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether it became a file, or a part of one."""
        return self.state is UploadState.DONE

    @property
    def is_received(self) -> bool:
        """Whether all its bytes are here."""
        return self.received == self.length


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file ready to be read: ``read(start, stop)`` yields its bytes, to the end when stop is None."""

    entry: Entry
    read: Callable[[int, int | None], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """Small files ready to be read together: for each that was asked for its entry, or why it cannot be had.

    ``read()`` yields the bytes of those that can, some at a time and in any order, each with its place among all, or
    the refusal of what turns out to be damaged.
    """

    outcomes: list[Entry | CloudConnectError]
    read: Callable[[], AsyncIterator[list[tuple[int, bytes | CloudConnectError]]]]


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


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a space keeps versions, in the words of a policy, and the trash, in days or words.

    What is None is as the appliance has it.
    """

    versions: str | None
    trash_days: int | None
    trash: str | None = None


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
class Usage:
    """What lies below a folder: counts, and the plain bytes of the versions that are in the tree."""

    path: str
    files: int
    folders: int
    logical_bytes: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """What lies below a folder, or what one file is, down to what it takes in the store.

    Files and folders are those in the tree. Plain bytes: ``logical_bytes`` of these files, ``version_bytes`` of their
    older versions, ``trash_bytes`` of all versions of what was removed from here, ``unique_bytes`` of all that without
    what is the same. Bytes in packs: ``stored_bytes`` of the chunks that all of it needs, ``freed_bytes`` of those that
    nothing else needs.
    """

    path: str
    files: int
    folders: int
    logical_bytes: int
    version_bytes: int
    trash_bytes: int
    unique_bytes: int
    stored_bytes: int
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class Detail:
    """An entry with what stands beside it.

    ``state`` is the seq at which the entry, or anything below it if it is a folder, changed last. ``properties`` are
    what clients keep beside it, by name; ``locks`` are those that cover it, its own and those that reach down to it.
    ``is_writable`` says whether the asker may change it, as far as a role on it or above it says so.
    """

    entry: Entry
    state: int
    properties: Mapping[str, str]
    locks: Sequence["Lock"]
    is_writable: bool = False

    @property
    def etag(self) -> str:
        """A strong validator: of the content of a file, of everything below a folder."""
        return f"{self.entry.node.removeprefix('nod_')}.{self.state}" if self.entry.is_folder else self.entry.etag


@dataclass(frozen=True, slots=True)
class LockTerms:
    """What sort of lock somebody wants, for how long, and what the client says of itself."""

    is_shared: bool
    is_deep: bool
    description: str
    life: timedelta


@dataclass(frozen=True, slots=True)
class Lock:
    """A word of somebody who means to write: until *expires* only he changes what it covers.

    It covers a node and, if deep, all below it. Whoever shows ``token``, or acts as ``owner``, may write; a shared one
    may stand beside other shared ones. ``description`` is what the client says of itself, ``path`` where it is.
    """

    id: LockId
    token: str
    space: SpaceId
    node: NodeId
    path: str
    owner: str
    owner_name: str
    description: str
    is_shared: bool
    is_deep: bool
    created: datetime
    expires: datetime
