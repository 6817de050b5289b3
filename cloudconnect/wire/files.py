"""Spaces, entries and what is done to them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from cloudconnect.wire.shape import Answer, Request

_ChunkSize = Annotated[int, msgspec.Meta(ge=1, le=4 << 20)]
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, examples=["/Documents/plan.txt"])]


class Tag(Answer, frozen=True):
    """A word on a file or folder; ``kind`` is label, text, number or date, and a label has an empty value."""

    name: str
    kind: str
    value: str


class Entry(Answer, frozen=True):
    """A file or folder at a place in the tree.

    ``tags`` are null where the answer does not tell them, ``blake3`` unless it was asked for.

    ``modified`` has nanoseconds (RFC 3339), as the file system it came from. A folder has no size, hash or version; a
    file's ``etag`` names its version and is what ``If-Match`` takes.
    """

    id: str
    name: str
    path: str
    kind: Literal["file", "folder"]
    modified: str
    etag: str
    size: int | None = None
    media_type: str | None = None
    sha256: str | None = None
    version: int | None = None
    tags: list[Tag] | None = None
    blake3: str | None = None


class Uploaded(Answer, frozen=True):
    """A file after its upload; ``stored_bytes`` were added to the store, ``reused_bytes`` were there already.

    ``undo`` takes it back.
    """

    entry: Entry
    created: bool
    seq: int
    stored_bytes: int
    reused_bytes: int
    undo: str = ""


class Upload(Answer, frozen=True):
    """An upload in progress: ``received`` of its ``length`` bytes are durable, which is null while nobody knows it.

    ``state`` is ``open``, ``finishing`` while it becomes a file, or ``complete``. It is forgotten when it ``expires``.
    """

    id: str
    space: str
    path: str
    kind: str
    state: str
    length: int | None
    received: int
    created: datetime
    expires: datetime


class Cutting(Answer, frozen=True):
    """By what a space names and cuts its content: two keys in base 64, and how long chunks are on average.

    A chunk's id is HMAC-SHA-256 under ``name_key`` over two zero bytes and the chunk.
    """

    name_key: bytes
    cut_key: bytes
    average_bytes: int


class Missing(Answer, frozen=True):
    """The places, from 0, of the chunks that are not stored."""

    missing: list[int]


class ChunksAdded(Answer, frozen=True):
    """How many bytes the chunks took."""

    stored_bytes: int


class Assembly(msgspec.Struct, array_like=True, frozen=True):
    """A file made of stored chunks: ``[path, [[id, size], …], modified_ns, etag]``; ``etag`` as for bulk."""

    path: Path
    chunks: list[tuple[Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)], _ChunkSize]]
    modified_ns: int | None = None
    etag: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class BulkItem(msgspec.Struct, array_like=True, frozen=True):
    """A small file, or a folder when ``content`` is null, among many: ``[path, content, modified_ns, etag]``.

    ``etag`` says what may be there now: null for nothing, ``*`` for anything, else the one state that is meant.
    """

    path: Path
    content: memoryview | None
    modified_ns: int | None = None
    etag: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class BulkOutcome(Answer, frozen=True, omit_defaults=True):
    """What became of one item: its ETag, or the code and words of the refusal."""

    etag: str = ""
    code: str = ""
    detail: str = ""


class Bulk(Answer, frozen=True):
    """What became of many items, in their order; those that were not refused are all there since one moment.

    ``undo`` takes them all back.
    """

    outcomes: list[BulkOutcome]
    stored_bytes: int
    reused_bytes: int
    undo: str = ""


class NewZip(Request, frozen=True):
    """Files and folders to get as one archive, as they are now or were at the moment ``at``."""

    paths: Annotated[list[Path], msgspec.Meta(min_length=1, max_length=1_000)]
    at: str | None = None


class BulkRead(Request, frozen=True):
    """Small files to read at once: their ids, and as of when; they come back as frames.

    A frame is a length of 4 bytes, big-endian, and as many bytes of MessagePack: an array of ``[place, content, sha256,
    code, detail]``, in any order, each place once. The content is null and the code tells why where a file cannot be
    had. A frame of no bytes ends the answer; without it something is missing.
    """

    nodes: Annotated[list[str], msgspec.Meta(max_length=4_096)] = []
    at: str | None = None


class BulkFile(msgspec.Struct, array_like=True, frozen=True):
    """One of many small files: the place in the request that asked for it, and its bytes or why there are none."""

    place: int
    content: memoryview | None
    sha256: bytes = b""
    code: str = ""
    detail: str = ""


class Changed(Answer, frozen=True):
    """An entry after a change, the seq at which it happened, and what takes it back, empty where nothing changed."""

    entry: Entry
    seq: int
    undo: str = ""


class Move(Request, frozen=True):
    """From where to where; the target must not exist unless ``replace`` is true (what it held goes to the trash)."""

    source: Path
    target: Path
    replace: bool = False


class Copy(Request, frozen=True):
    """From where, as of when, to where; by reference, so it costs no content."""

    source: Path
    target: Path
    at: str | None = None
    replace: bool = False


class NewCrossing(Request, frozen=True):
    """What is to be copied or moved, and where to: ``target`` in the space ``into``, which is named by id or name.

    What is at the target must not exist unless ``replace`` is true; it goes to the trash then.
    """

    source: Path
    into: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    target: Path
    move: bool = False
    at: str | None = None
    replace: bool = False


class Crossed(Answer, frozen=True):
    """What is in the other space now, since which seq of it, and what takes it away again.

    After a move ``source_undo`` brings the original back; both tokens together take the move back. What is large
    becomes a long job, told by ``operation``, whose result says all this once it is done; the rest is empty then.
    """

    entry: Entry | None
    seq: int = 0
    undo: str = ""
    source_undo: str = ""
    operation: str = ""


class Trashed(Answer, frozen=True):
    """Something in the trash: where it was, when and by whom it was removed."""

    id: str
    name: str
    path: str
    kind: Literal["file", "folder"]
    size: int | None
    trashed: datetime
    trashed_by: str


class TrashedBy(Answer, frozen=True):
    """The answer to a removal: what is in the trash now, the seq at which it went there, and what takes it back."""

    trashed: Trashed
    seq: int
    undo: str = ""


class Restore(Request, frozen=True):
    """Where to restore to; absent means where it was."""

    target: Path | None = None


class Usage(Answer, frozen=True):
    """What lies below a folder: counts, and logical bytes of the present versions."""

    path: str
    files: int
    folders: int
    logical_bytes: int
