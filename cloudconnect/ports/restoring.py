"""Putting files of a backup back into a space, for a room that knows nothing of the tree."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from cloudconnect.kernel.ids import SpaceId


class Restoring(Protocol):
    """Writes on behalf of the owner of a space."""

    async def has_space(self, space: SpaceId) -> bool:
        """Tell whether there is a space of this id."""
        ...

    async def put(
        self, space: SpaceId, path: str, stream: AsyncIterator[bytes], sha256: bytes, modified_ns: int
    ) -> bool:
        """Make *stream* the file at *path*, a further version if one is there; False if it holds that already.

        Raises:
            CloudConnectError: the stream or the space refuses.
        """
        ...

    async def holds(self, space: SpaceId, path: str, sha256: bytes) -> bool:
        """Tell whether the file at *path* is there and has this content."""
        ...

    async def find_missing(self, space: SpaceId, content_ids: Sequence[bytes]) -> list[int]:
        """Return the places in *content_ids* of the chunks that are not stored whole."""
        ...

    async def add_chunks(self, space: SpaceId, raws: Sequence[bytes]) -> None:
        """Store chunks for a file that is on its way."""
        ...

    async def put_chunks(
        self, space: SpaceId, path: str, chunks: Sequence[tuple[bytes, int]], modified_ns: int
    ) -> None:
        """Make stored *chunks*, given by content id and size, the file at *path*, a further version if one is there.

        Raises:
            Damaged: a chunk cannot be read; from now on it counts as missing.
            CloudConnectError: the space refuses.
        """
        ...

    async def add_folder(self, space: SpaceId, path: str, modified_ns: int) -> None:
        """Make a folder and those above it; one that is there stays."""
        ...
