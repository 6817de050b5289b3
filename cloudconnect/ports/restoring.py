"""Putting files of a backup back into a space, for a room that knows nothing of the tree."""

from collections.abc import AsyncIterator
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

    async def add_folder(self, space: SpaceId, path: str, modified_ns: int) -> None:
        """Make a folder and those above it; one that is there stays."""
        ...
