"""Files that come as the chunks of a folder, as clients that are made for Nextcloud send them (its chunked upload, 2).

A folder and each chunk are uploads by themselves: what has arrived is durable, counts against the quota, survives a
restart and expires as any upload does. The file is made of the chunks in the order of the numbers that their names
begin with, in whatever order they came.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files.errors import (
    BadChunkName,
    Exists,
    NoSuchUpload,
    TooManyChunks,
    UploadBusy,
    WrongLength,
)
from cloudconnect.features.files.models import Put, Upload, UploadKind, UploadPlan
from cloudconnect.features.files.service.uploads import UploadsService
from cloudconnect.features.files.store import uploads as store
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql

CHUNKS_MOST: Final = 10_000
PATIENCE_SECONDS: Final = 900.0

_KEPT_PART: Final = 0.95
"""Of its life, how much a folder has left at least when a chunk has come."""

_FOLDER: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_CHUNK: Final = re.compile(r"(\d{1,20})(?:-\d{1,20})?")


class ChunkingService:
    """Keeps folders of chunks, each for the one who began it, and makes files of them."""

    def __init__(self, log: EventLog, database: Database, clock: Clock, uploads: UploadsService) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._uploads = uploads

    async def begin(self, principal: Principal, space: str, folder: str, path: str = "") -> None:
        """Begin a *folder* for the chunks of a file that will be in *space*, at *path* if that is known.

        Raises:
            BadChunkName: it cannot be called so.
            Exists: it was begun before.
            TooManyUploads: as many uploads as are kept are in progress.
        """
        if _FOLDER.fullmatch(folder) is None:
            raise BadChunkName(N_("A folder of chunks has up to 128 letters, digits, dots, hyphens and underscores."))
        if await self._database.read(lambda sql: self._find(sql, principal, folder)) is not None:
            raise Exists(N_("“{path}” exists already."), fix=N_("Choose another name."), path=folder)
        plan = UploadPlan(path=path, metadata=folder)
        await self._uploads.begin(principal, space, plan, length=None, kind=UploadKind.CHUNKS)

    async def put(
        self, principal: Principal, folder: str, chunk: str, stream: AsyncIterator[bytes], length: int | None
    ) -> None:
        """Store *stream*, of *length* bytes if that is known, as a chunk, in the place of one of the same name.

        All of it counts, or nothing.

        Raises:
            NoSuchUpload: there is no such folder.
            BadChunkName: the name does not begin with a number.
            TooManyChunks: the folder has 10,000.
            WrongLength, QuotaExceeded, NoSpace: as for any upload.
        """
        if _CHUNK.fullmatch(chunk) is None:
            raise BadChunkName(N_("The name of a chunk is a number, or two with a hyphen between them."))
        found = await self._database.read(lambda sql: self._open(sql, principal, folder, chunk))
        plan = UploadPlan(path=found.plan.path, metadata=f"{folder}/{chunk}")
        begun = await self._uploads.begin(principal, found.space, plan, length=length, kind=UploadKind.CHUNK)
        try:
            await self._take(principal, begun, stream)
            await self._log.commit(lambda unit: self._keep(unit, principal, folder, begun), actor=principal)
        except BaseException:
            await self._log.commit(lambda unit: store.remove(unit.sql, begun.id), actor=principal)
            raise

    async def _take(self, principal: Principal, begun: Upload, stream: AsyncIterator[bytes]) -> None:
        """Append all of *stream* to the chunk that has *begun*."""
        taken = await self._uploads.append(principal, begun.id, 0, stream, verify=lambda: None)
        if begun.length is None:
            await self._uploads.append(principal, begun.id, taken.received, _nothing(), length=taken.received)
        elif not taken.is_received:
            raise _wrong_length(taken.received, begun.length)

    def _open(self, sql: Sql, principal: Principal, folder: str, chunk: str) -> Upload:
        """Return a folder that may take *chunk*."""
        found = self._there(sql, principal, folder)
        if store.count_others(sql, principal.id, folder, chunk) >= CHUNKS_MOST:
            raise TooManyChunks(
                N_("A file comes in {most} chunks at most."), fix=N_("Send larger ones."), most=CHUNKS_MOST
            )
        return found

    def _keep(self, unit: Unit, principal: Principal, folder: str, chunk: Upload) -> None:
        """Let a whole *chunk* take the place of others of its name, and its folder live on."""
        found = self._there(unit.sql, principal, folder)
        # One that came at the same time may have taken its place already.
        if store.find(unit.sql, chunk.id, principal.id, unit.now) is not None:
            store.remove_others(unit.sql, chunk)
        lifetime = self._uploads.limits.lifetime
        # Not with each: what is written for every chunk that came before makes the next one slower and slower.
        if found.expires < unit.now + lifetime * _KEPT_PART:
            store.keep_folder(unit.sql, principal.id, folder, unit.now + lifetime)

    async def find(self, principal: Principal, folder: str) -> list[tuple[str, int]]:
        """Return names and sizes in bytes of the chunks that a folder has, in their order.

        Raises:
            NoSuchUpload: there is no such folder.
        """
        chunks = await self._database.read(lambda sql: self._chunks(sql, principal, folder))
        return [(_name(each), each.received) for each in chunks]

    async def finish(
        self, principal: Principal, folder: str, space: str, plan: UploadPlan, total: int | None = None
    ) -> Put:
        """Make the file that *plan* says of the chunks of a folder, which is gone then; asking again is harmless.

        Raises:
            NoSuchUpload: there is no such folder.
            WrongLength: the chunks do not have *total* bytes together.
            NotJoinable: it has no chunks, or those of another space.
            UploadBusy: it takes very long; it goes on, and asking again tells how it ended.
            ConditionMissing, Stale, NotAFile, NoParent, QuotaExceeded: as for ``FilesService.put_file``.
        """
        chunks = await self._database.read(lambda sql: self._chunks(sql, principal, folder))
        received = sum(each.received for each in chunks)
        if total not in {None, received}:
            raise _wrong_length(received, total or 0)
        joined = await self._uploads.join(principal, space, plan, [each.id for each in chunks])
        put = await self._uploads.complete(principal, joined.id, PATIENCE_SECONDS)
        if put is None:
            raise UploadBusy(N_("The file is being made."), fix=N_("Ask again."), retry_after_seconds=30)
        await self._log.commit(lambda unit: store.remove_folder(unit.sql, principal.id, folder), actor=principal)
        return put

    async def remove(self, principal: Principal, folder: str) -> None:
        """Forget a folder with its chunks.

        Raises:
            NoSuchUpload: there is no such folder.
        """

        def change(unit: Unit) -> None:
            self._there(unit.sql, principal, folder)
            store.remove_folder(unit.sql, principal.id, folder)

        await self._log.commit(change, actor=principal)

    def _find(self, sql: Sql, principal: Principal, folder: str) -> Upload | None:
        return store.find_folder(sql, principal.id, folder, self._clock.now())

    def _there(self, sql: Sql, principal: Principal, folder: str) -> Upload:
        found = self._find(sql, principal, folder)
        if found is None:
            raise NoSuchUpload(fix=N_("Begin a new one."))
        return found

    def _chunks(self, sql: Sql, principal: Principal, folder: str) -> list[Upload]:
        """Return the whole chunks of a folder, in the order in which they make the file."""
        self._there(sql, principal, folder)
        chunks = store.find_in_folder(sql, principal.id, folder, self._clock.now())
        return sorted((each for each in chunks if each.is_received), key=_order)


def _name(chunk: Upload) -> str:
    return chunk.plan.metadata.rpartition("/")[2]


def _order(chunk: Upload) -> tuple[int, str]:
    name = _name(chunk)
    return int(name.partition("-")[0]), name


def _wrong_length(received: int, wanted: int) -> WrongLength:
    return WrongLength(
        N_("{received} bytes came instead of {length}."),
        fix=N_("Send what is missing."),
        received=received,
        length=wanted,
    )


async def _nothing() -> AsyncIterator[bytes]:
    """Yield nothing: with it an upload is told how long it is."""
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
