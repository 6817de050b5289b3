"""The vault: how a room stores and reads content without knowing of chunks, packs or keys."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.answer import Answer
from cloudconnect.ports.sql import Sql

SMALL_BYTES: Final = 128 << 10
"""The longest stream that ``Vault.write_many`` takes."""


class Named(Protocol):
    """One content among the contents of a batch; what it needs is settled with them all."""

    @property
    def manifest(self) -> bytes:
        """The reference that a version keeps."""
        ...

    @property
    def key(self) -> bytes | None:
        """The name of the content, equal for equal content of one space; None for an empty stream."""
        ...

    @property
    def size(self) -> int:
        """Plain bytes in the stream."""
        ...

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the plain stream."""
        ...


class Batch(Protocol):
    """What many small streams became: durable bytes that nothing points to until a unit settles them together."""

    @property
    def contents(self) -> Sequence[Named]:
        """Each content, in the order of the streams."""
        ...

    @property
    def stored_bytes(self) -> int:
        """Bytes that the streams added on disk."""
        ...

    @property
    def reused_bytes(self) -> int:
        """Plain bytes that were stored already."""
        ...


class Content(Protocol):
    """What one stream became: durable bytes that nothing points to until a unit settles them."""

    @property
    def manifest(self) -> bytes:
        """The reference that a version keeps."""
        ...

    @property
    def key(self) -> bytes | None:
        """The name of the content, equal for equal content of one space; None for an empty stream."""
        ...

    @property
    def size(self) -> int:
        """Plain bytes in the stream."""
        ...

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the plain stream."""
        ...

    @property
    def stored_bytes(self) -> int:
        """Bytes that the stream added on disk."""
        ...

    @property
    def reused_bytes(self) -> int:
        """Plain bytes that were stored already."""
        ...


class Updated(Protocol):
    """What is told the bytes that go by."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Go on with *data*."""
        ...


class Hashing(Updated, Protocol):
    """A hash that goes on."""

    def digest(self) -> bytes:
        """Return the hash of all that it has seen."""
        ...


class Kept(Protocol):
    """What has become durable of a growing stream since it was kept last; a unit settles it."""

    @property
    def chunks(self) -> Sequence[tuple[bytes, int]]:
        """Chunks, by content id and size, that follow those of before."""
        ...

    @property
    def pieces(self) -> Sequence[tuple[bytes, int]]:
        """What stands for the chunk that cannot be cut yet; these take the place of all pieces of before."""
        ...

    @property
    def size(self) -> int:
        """Bytes of the stream that chunks and pieces hold together."""
        ...

    @property
    def stored_bytes(self) -> int:
        """Bytes that this added on disk."""
        ...

    @property
    def reused_bytes(self) -> int:
        """Plain bytes that were stored already."""
        ...


class Growth(Protocol):
    """A stream that comes in by and by, cut as if it came at once."""

    @property
    def hashing(self) -> Hashing | None:
        """The SHA-256 of everything that was kept, None when nobody has seen it all."""
        ...

    async def add(self, piece: bytes) -> None:
        """Take in the next bytes.

        Raises:
            NoSpace: the disk is full.
            Unavailable: the store went read-only after an input/output error.
        """
        ...

    async def close(self) -> None:
        """Take nothing more; what was added and not kept is garbage."""
        ...

    async def keep(self, *, whole_only: bool = False, is_last: bool = False) -> Kept:
        """Make what was added durable, and return what the stream is made of now; after a refusal it is of no use.

        Bytes may be added meanwhile, and count for the next time. With *whole_only* what cannot be cut yet may stay in
        memory; with *is_last* the stream ends here.

        Raises:
            NoSpace: the disk is full.
            Unavailable: the store went read-only after an input/output error.
        """
        ...


class Cutting(Protocol):
    """What somebody needs to cut and to name content as a space does."""

    @property
    def name_key(self) -> bytes:
        """The key of the content ids (SECURITY.md, section 2.3)."""
        ...

    @property
    def cut_key(self) -> bytes:
        """The key that says where content is cut."""
        ...

    @property
    def average_bytes(self) -> int:
        """How long chunks are on average."""
        ...


class Vault(Protocol):
    """Keeps content sealed, deduplicated inside one space, and durable before it answers."""

    async def add_domain(self, space: SpaceId) -> None:
        """Make and keep the keys of a new space; repeating it for the same space changes nothing."""
        ...

    async def write(self, space: SpaceId, stream: AsyncIterator[bytes]) -> Content:
        """Store *stream*, of any size in constant memory, and return once every byte is durable.

        Raises:
            NoSpace: the disk is full; nothing is left behind but garbage that gc takes.
            Unavailable: the store went read-only after an input/output error.
        """
        ...

    async def take(self, space: SpaceId, stream: AsyncIterator[bytes]) -> Answer[Content]:
        """Take *stream* in and return, once its last byte is here, what tells when every byte is durable.

        It refuses, or the future does, what :meth:`write` refuses.
        """
        ...

    async def write_many(self, space: SpaceId, contents: Sequence[bytes | memoryview]) -> Batch:
        """Store many streams of at most SMALL_BYTES each and return once every byte of them is durable.

        Raises:
            NoSpace: the disk is full.
            Unavailable: the store went read-only after an input/output error.
        """
        ...

    async def cutting(self, space: SpaceId) -> Cutting:
        """Return what somebody needs to cut and to name content as *space* does."""
        ...

    def check_room(self, wanted_bytes: int) -> None:
        """Return if so many bytes can be stored, were nothing of them here already.

        Raises:
            NoSpace: there is no room for them.
            Unavailable: the store went read-only after an input/output error.
        """
        ...

    async def find_missing(self, content_ids: Sequence[bytes]) -> list[int]:
        """Return the places in *content_ids* of the chunks that are not stored."""
        ...

    async def write_chunks(self, space: SpaceId, raws: Sequence[bytes | memoryview]) -> Content:
        """Store chunks that somebody else has cut and return once every byte of them is durable.

        Raises:
            NoSpace: the disk is full.
            Unavailable: the store went read-only after an input/output error.
        """
        ...

    async def grow(
        self, space: SpaceId, size: int, pieces: Sequence[tuple[bytes, int]], hashing: Hashing | None = None
    ) -> Growth:
        """Return a stream of which *size* bytes are durable, the last of them in *pieces*.

        *hashing* is what the stream's earlier growth left, if it is at hand.

        Raises:
            Damaged: a piece cannot be read.
        """
        ...

    async def assemble(
        self,
        space: SpaceId,
        chunks: Sequence[tuple[bytes, int]],
        sha256: bytes | None = None,
        also: Updated | None = None,
    ) -> Content:
        """Make one content of stored *chunks*, given by content id and size; if *sha256* is not known, each is read.

        So it is if there is something *also* to be updated with the plain bytes, in their order, on other threads.

        Raises:
            Conflict: one is not stored.
            Damaged: one cannot be read, or has another size.
        """
        ...

    def settle(self, sql: Sql, space: SpaceId, content: Content | Batch | Kept) -> None:
        """Make *content* findable, inside the unit that adds the versions pointing to it.

        Raises:
            Conflict: a chunk it reused is gone; nothing has been changed.
        """
        ...

    def read(self, space: SpaceId, manifest: bytes, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the plain bytes from *start* up to *stop*, excluded, touching only the chunks that hold them.

        Raises:
            Damaged: a chunk cannot be had as it was written; raised before its first byte is yielded.
        """
        ...

    def read_many(
        self, space: SpaceId, contents: Sequence[bytes]
    ) -> AsyncIterator[Sequence[tuple[int, bytes | CloudConnectError]]]:
        """Yield many small contents, given by manifest, some at a time and in whatever order costs least.

        Each comes with its place in *contents*, and with the refusal instead of its bytes when it is damaged.
        """
        ...
