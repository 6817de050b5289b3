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
