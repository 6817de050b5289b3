"""What is in the tree of a space, and what is told of it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId


class EntryKind(StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"


class Listing(StrEnum):
    """What a listing of a folder shows, and in which order."""

    BY_NAME = "name"
    FOLDERS_FIRST = "folders-first"
    FOLDERS = "folders"


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
