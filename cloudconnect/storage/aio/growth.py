"""Streams that come in by and by."""

import asyncio
from collections import deque
from typing import Final

from cloudconnect.kernel.ids import SpaceId, id_bytes
from cloudconnect.storage.aio.threads import Threads, take_outcome
from cloudconnect.storage.growing import Growing, Hashing, Kept
from cloudconnect.storage.portions import BUFFER_BYTES, split
from cloudconnect.storage.writer import Writer

STORES: Final = 3
"""Buffers of one stream that are stored at once."""


class Growth:
    """A stream that comes in by and by; satisfies ``cloudconnect.ports.vault.Growth``.

    What comes is cut and stored 4 MiB at a time, while more comes and while what was kept becomes durable.
    """

    def __init__(self, threads: Threads, writer: Writer, space: SpaceId, growing: Growing) -> None:
        self._threads = threads
        self._writer = writer
        self._space = id_bytes(space)
        self._growing = growing
        self._ingest = writer.begin(self._space)
        self._stores: deque[asyncio.Future[None]] = deque()
        self._hashed: asyncio.Future[None] | None = None
        self._cutting = asyncio.Lock()

    @property
    def hashing(self) -> Hashing | None:
        """The SHA-256 of everything that was kept, None when nobody has seen it all."""
        return self._growing.hashing

    async def add(self, piece: bytes) -> None:
        """Take in the next bytes; about 20 MiB of them may be in memory.

        Raises:
            StoreFull, StoreReadOnly, NoDomain: as for :meth:`Vault.write`.
        """
        self._growing.add(piece)
        if self._growing.waiting_bytes >= BUFFER_BYTES:
            async with self._cutting:
                await self._store(whole_only=True, is_last=False)

    async def keep(self, *, whole_only: bool = False, is_last: bool = False) -> Kept:
        """Make what was added durable, and return what the stream is made of now; after a refusal it is of no use.

        Bytes may be added meanwhile, and count for the next time. With *whole_only* what lies behind the last cut may
        stay in memory. It raises what :meth:`add` does.
        """
        async with self._cutting:
            await self._store(whole_only=whole_only, is_last=is_last)
            ingest, self._ingest = self._ingest, self._writer.begin(self._space)
            stores, self._stores = self._stores, deque()
            mark = self._growing.mark()
            ingest.ending()
        try:
            for store in (*stores, self._hashed):
                if store is not None:
                    await store
            if not ingest.has_begun:
                await self._threads.run(ingest.extend, [])
            await self._threads.run(self._writer.finish_many, ingest)
            return mark.kept(ingest.entries, await asyncio.wrap_future(ingest.future))
        except BaseException:
            self._threads.run(ingest.end).add_done_callback(take_outcome)
            raise

    async def close(self) -> None:
        """Take nothing more; what was added and not kept is garbage."""
        await self._threads.run(self._ingest.end)

    async def _store(self, *, whole_only: bool, is_last: bool) -> None:
        """Cut what waits and begin to store it, once less than three stores are under way."""
        taken = self._growing.take()
        if self._hashed is not None:
            await self._hashed
        self._hashed = self._threads.run(self._growing.hash, taken)
        raws = await self._threads.run(self._growing.cut, taken, whole_only=whole_only, is_last=is_last)
        if not raws:
            return
        cuts = await self._threads.run(self._ingest.extend, raws)
        for part in split(cuts):
            storing = self._threads.run(self._writer.store, part)
            # When one fails the others are not awaited any more; they fail for the same reason.
            storing.add_done_callback(take_outcome)
            self._stores.append(storing)
            if len(self._stores) == STORES:
                await self._stores.popleft()
