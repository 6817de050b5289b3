"""What happens in spaces. Where a thing was and is, the tree itself says as of each fact's seq."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import SpaceFact


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceAdded(SpaceFact):
    """A space was made; ``subject`` is its root folder. Always the first fact of its space."""

    kind: ClassVar[str] = "files.space-added"
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRenamed(SpaceFact):
    """A space has another name; ``subject`` is the space."""

    kind: ClassVar[str] = "files.space-renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceArchived(SpaceFact):
    """A space was put to rest; ``subject`` is the space. Until it is brought back nothing in it changes."""

    kind: ClassVar[str] = "files.space-archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceUnarchived(SpaceFact):
    """A space that was archived may change again; ``subject`` is the space."""

    kind: ClassVar[str] = "files.space-unarchived"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSet(SpaceFact):
    """What a space may hold was bounded anew; ``subject`` is the space, null bytes take the bound away."""

    kind: ClassVar[str] = "files.quota-set"
    quota_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged(SpaceFact):
    """A file or folder got a tag, or another value for it; ``form`` is label, text, number or date."""

    kind: ClassVar[str] = "files.tagged"
    name: str
    form: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Untagged(SpaceFact):
    """A tag was taken off a file or folder."""

    kind: ClassVar[str] = "files.untagged"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSet(SpaceFact):
    """A space demands something of tags of one name; ``subject`` is the space, ``form`` the kind of the field."""

    kind: ClassVar[str] = "files.field-set"
    name: str
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRemoved(SpaceFact):
    """A space demands nothing of tags of this name any more; ``subject`` is the space."""

    kind: ClassVar[str] = "files.field-removed"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTouched(SpaceFact):
    """A file or folder was said to have been modified at another time; its content is the same."""

    kind: ClassVar[str] = "files.entry-touched"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderAdded(SpaceFact):
    """A folder was made; ``subject`` is its node."""

    kind: ClassVar[str] = "files.folder-added"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWritten(SpaceFact):
    """A file got a version, its first or another; ``subject`` is its node and the fact's seq names the version."""

    kind: ClassVar[str] = "files.file-written"
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMoved(SpaceFact):
    """A file or folder has another name, another parent, or both."""

    kind: ClassVar[str] = "files.entry-moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCopied(SpaceFact):
    """A file or folder with all below it was copied; ``subject`` is the new node, ``source`` the old one."""

    kind: ClassVar[str] = "files.entry-copied"
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTrashed(SpaceFact):
    """A file or folder went to the trash."""

    kind: ClassVar[str] = "files.entry-trashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRestored(SpaceFact):
    """A file or folder came back from the trash."""

    kind: ClassVar[str] = "files.entry-restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLocked(SpaceFact):
    """Somebody took a lock, or gave his a later end; ``subject`` is the node on which it lies."""

    kind: ClassVar[str] = "files.entry-locked"
    lock: str
    owner: str
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryUnlocked(SpaceFact):
    """A lock ended before its time: by its owner, with its node, or broken by somebody else."""

    kind: ClassVar[str] = "files.entry-unlocked"
    lock: str
    owner: str
    is_broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertiesChanged(SpaceFact):
    """What is kept beside a file or folder changed, or when it was modified; not its content."""

    kind: ClassVar[str] = "files.properties-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPurged(SpaceFact):
    """What was in the trash is gone for good, with all below it and its past; ``size`` is what it was as a file.

    ``reason`` is ``asked`` for what a person gave up, ``age`` for what was there for its time, ``share``, ``quota`` or
    ``disk`` for what had to make room; empty in facts from before it was told.
    """

    kind: ClassVar[str] = "files.entry-purged"
    size: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsPruned(SpaceFact):
    """The contents of earlier versions of a file are no longer kept; ``versions`` are their seqs."""

    kind: ClassVar[str] = "files.versions-pruned"
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPinned(SpaceFact):
    """A version is kept whatever its age, or no longer so."""

    kind: ClassVar[str] = "files.version-pinned"
    version: int
    is_pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSet(SpaceFact):
    """How long a space keeps versions and the trash was said anew; ``subject`` is the space."""

    kind: ClassVar[str] = "files.retention-set"
    versions: str | None
    trash_days: int | None
    trash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakePulled(SpaceFact):
    """A session was stopped: it removed or overwrote too much; ``subject`` is the brake, ``stopped`` the session."""

    kind: ClassVar[str] = "files.brake-pulled"
    stopped: str
    reason: str
    changes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeLifted(SpaceFact):
    """A session that was stopped may write again; ``subject`` is the brake."""

    kind: ClassVar[str] = "files.brake-lifted"
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeSet(SpaceFact):
    """How much one session may remove or overwrite in a minute was said anew; ``subject`` is the space."""

    kind: ClassVar[str] = "files.brake-set"
    changes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUndone(SpaceFact):
    """What happened from ``from_seq`` to ``to_seq`` was taken back; ``subject`` is the root folder of the space.

    What goes to the trash for it has gone there just before; all else that it touches changes at the seq of the first
    of these facts in a row, and a fact of its own about each node follows. ``is_rollback`` says that it was chosen by
    who made it, or when: that is a change like any other, where an undo makes the change before it the last one.
    """

    kind: ClassVar[str] = "files.change-undone"
    from_seq: int
    to_seq: int
    is_rollback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentReverted(SpaceFact):
    """A file has again the content of an earlier version, the one of the seq ``version``."""

    kind: ClassVar[str] = "files.content-reverted"
    version: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReturned(SpaceFact):
    """A file or folder is again as it was at the seq ``as_of``, with all below it; ``subject`` is its node."""

    kind: ClassVar[str] = "files.folder-returned"
    as_of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotNamed(SpaceFact):
    """The moment ``seq`` of a space got a name; ``subject`` is the space."""

    kind: ClassVar[str] = "files.snapshot-named"
    name: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRemoved(SpaceFact):
    """A moment of a space lost its name; ``subject`` is the space."""

    kind: ClassVar[str] = "files.snapshot-removed"
    name: str
    seq: int
