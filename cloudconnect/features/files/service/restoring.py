"""Putting files back into a space on behalf of its owner (``ports.restoring.Restoring``)."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from cloudconnect.database import Database
from cloudconnect.features.files.errors import Exists, NoSuchEntry
from cloudconnect.features.files.models import Condition
from cloudconnect.features.files.service.intake import IntakeService
from cloudconnect.features.files.service.service import FilesService
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind

_WHATEVER = Condition(if_match=frozenset({"*"}))


class RestoringFiles:
    """Writes what comes from a backup."""

    def __init__(self, database: Database, files: FilesService, intake: IntakeService) -> None:
        self._database = database
        self._files = files
        self._intake = intake

    async def has_space(self, space: SpaceId) -> bool:
        """Tell whether there is a space of this id."""
        return await self._database.read(lambda sql: spaces.find_space(sql, space)) is not None

    async def put(
        self, space: SpaceId, path: str, stream: AsyncIterator[bytes], sha256: bytes, modified_ns: int
    ) -> bool:
        """Make *stream* the file at *path*, a further version if one is there; False if it holds that already."""
        owner = await self._owner(space)
        condition = Condition()
        with contextlib.suppress(NoSuchEntry):
            there = await self._files.get_entry(owner, space, path)
            if there.sha256 == sha256:
                return False
            condition = _WHATEVER
        await self._files.put_file(
            owner, space, path, stream, modified_ns=modified_ns, condition=condition, parents=True
        )
        return True

    async def holds(self, space: SpaceId, path: str, sha256: bytes) -> bool:
        """Tell whether the file at *path* is there and has this content."""
        with contextlib.suppress(NoSuchEntry):
            return (await self._files.get_entry(await self._owner(space), space, path)).sha256 == sha256
        return False

    async def find_missing(self, space: SpaceId, content_ids: Sequence[bytes]) -> list[int]:
        """Return the places in *content_ids* of the chunks that are not stored whole."""
        return await self._intake.find_missing(await self._owner(space), space, content_ids)

    async def add_chunks(self, space: SpaceId, raws: Sequence[bytes]) -> None:
        """Store chunks for a file that is on its way."""
        await self._intake.add_chunks(await self._owner(space), space, raws)

    async def put_chunks(
        self, space: SpaceId, path: str, chunks: Sequence[tuple[bytes, int]], modified_ns: int
    ) -> None:
        """Make stored *chunks*, given by content id and size, the file at *path*, a further version if one is there."""
        owner = await self._owner(space)
        condition = Condition()
        with contextlib.suppress(NoSuchEntry):
            await self._files.get_entry(owner, space, path)
            condition = _WHATEVER
        await self._intake.put_assembled(
            owner, space, path, chunks, modified_ns=modified_ns, condition=condition, parents=True
        )

    async def add_folder(self, space: SpaceId, path: str, modified_ns: int) -> None:
        """Make a folder and those above it; one that is there stays."""
        with contextlib.suppress(Exists):
            await self._files.add_folder(await self._owner(space), space, path, parents=True, modified_ns=modified_ns)

    async def _owner(self, space: SpaceId) -> Principal:
        found = await self._database.read(lambda sql: spaces.find_space(sql, space))
        return Principal("" if found is None else found.owner, PrincipalKind.APPLIANCE, APPLIANCE.name)
