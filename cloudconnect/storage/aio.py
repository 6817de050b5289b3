"""The only door between the event loop and the engine's threads."""

import asyncio
import hashlib
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, ParamSpec, TypeVar

from cloudconnect.kernel.ids import SpaceId, id_bytes
from cloudconnect.storage import index
from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.chunker import MINIMUM_BYTES
from cloudconnect.storage.ingest import Cut, Ingest, SmallContent, StoredBatch, StoredContent
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.reader import Reading, Window
from cloudconnect.storage.repository import Repository

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

SMALL_BYTES: Final = MINIMUM_BYTES
"""The longest stream that always becomes one chunk."""

_EMPTY_SHA256: Final = hashlib.sha256(b"").digest()
_BUFFER_BYTES: Final = 4 << 20
_BATCH: Final = 128
_BATCH_BYTES: Final = 8 << 20
_STORES: Final = 3  # buffers of one stream that are stored at once


class Vault:
    """Stores and reads content for rooms; satisfies ``cloudconnect.ports.vault.Vault``."""

    def __init__(self, repository: Repository, threads: int | None = None) -> None:
        self._repository = repository
        self._writer = repository.writer
        self._thread_count = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._thread_count, thread_name_prefix="engine")
        self._small = _SmallWrites(repository, self._pool, self._thread_count)

    async def add_domain(self, space: SpaceId) -> None:
        """Make and keep the keys of a new space; repeating it changes nothing."""
        await self._run(self._repository.keyring.add_domain, id_bytes(space))

    async def write(self, space: SpaceId, stream: AsyncIterator[bytes]) -> StoredContent:
        """Store *stream* and return once every byte is durable.

        Giving up leaves nothing but garbage in packs and disturbs no other upload. At most about 28 MiB of the stream
        are in memory.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: the store takes no changes.
            NoDomain: there are no keys for the space.
        """
        ingest = self._writer.begin(id_bytes(space))
        try:
            buffers = _buffers(stream)
            pieces, is_last = await anext(buffers)
            if is_last:
                self._small.add(ingest, pieces)
            else:
                await self._store(ingest, pieces, buffers)
            return await asyncio.wrap_future(ingest.future)
        except BaseException:
            self._pool.submit(ingest.end)
            raise

    async def write_many(self, space: SpaceId, contents: Sequence[bytes]) -> StoredBatch:
        """Store many small streams, each at most SMALL_BYTES long, and return once all of them are durable.

        They share a look-up, packs and one wait for the disk, which costs a tenth of storing them one by one.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: the store takes no changes.
            NoDomain: there are no keys for the space.
        """
        if any(len(raw) > SMALL_BYTES for raw in contents):
            raise ValueError("a stream too long for a batch")
        ingest = self._writer.begin(id_bytes(space))
        try:
            cuts = await self._run(ingest.take, contents)
            parts = [cuts[start : start + _BATCH] for start in range(0, len(cuts), _BATCH)]
            digests = await asyncio.gather(*(self._run(self._store_part, part) for part in parts))
            await self._run(self._writer.finish_many, ingest)
            shared = await asyncio.wrap_future(ingest.future)
        except BaseException:
            self._pool.submit(ingest.end)
            raise
        sha256 = {place: digest for part in digests for place, digest in part}
        return StoredBatch(shared, [_small(entry, sha256.get(place)) for place, entry in enumerate(ingest.entries)])

    def settle(self, sql: index.Sql, space: SpaceId, content: object) -> None:
        """Make *content* findable, inside the transaction that adds what points to it.

        Raises:
            ChunksMissing: a chunk it reused is gone; the transaction must not go on.
        """
        del space  # a chunk's key comes from a key of its space, so the index need not tell spaces apart
        if isinstance(content, StoredBatch):
            content = content.shared
        if not isinstance(content, StoredContent):
            raise TypeError("content that this vault has not written")
        index.settle(sql, content)

    async def read(
        self, space: SpaceId, manifest: bytes, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield the plain bytes from *start* up to *stop*, excluded, fetching the next while one is being sent.

        Raises:
            ContentDamaged: a chunk cannot be had as it was written; raised before its first byte is yielded.
            NoDomain: there are no keys for the space.
        """
        reading, pieces, window = await self._run(self._open, id_bytes(space), manifest, start, stop)
        while True:
            ahead = None if window is None else asyncio.ensure_future(self._run(_fetch, reading, window))
            try:
                for piece in pieces:
                    yield piece
            except BaseException:
                if ahead is not None:
                    ahead.cancel()
                raise
            if ahead is None:
                return
            pieces, window = await ahead

    async def close(self) -> None:
        """Finish what is being written and end the threads."""
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self._repository.close)

    async def _store(
        self, ingest: Ingest, pieces: list[bytes], buffers: AsyncIterator[tuple[list[bytes], bool]]
    ) -> None:
        stores: deque[asyncio.Future[None]] = deque()
        is_last = False
        while True:
            cutting = self._run(ingest.cut, pieces, is_last=is_last)
            if is_last:
                following = None
            else:
                following = await anext(buffers)
            storing = self._run(self._writer.store, await cutting)
            # When one fails the others are not awaited any more; they fail for the same reason.
            storing.add_done_callback(_take_outcome)
            stores.append(storing)
            if len(stores) == _STORES or following is None:
                await stores.popleft()
            if following is None:
                break
            pieces, is_last = following
        for store in stores:
            await store
        await self._run(self._writer.finish, ingest)

    def _store_part(self, cuts: Sequence[Cut]) -> list[tuple[int, bytes]]:
        self._writer.store(cuts)
        return [(cut.place, hashlib.sha256(cut.raw).digest()) for cut in cuts]

    def _open(
        self, space: bytes, manifest: bytes, start: int, stop: int | None
    ) -> tuple[Reading, list[bytes], Window | None]:
        reading = self._repository.reader.open(space, manifest, start, stop)
        window = reading.next_window()
        if window is None:
            return reading, [], None
        return reading, *_fetch(reading, window)

    def _run(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> asyncio.Future[Result]:
        return asyncio.wrap_future(self._pool.submit(function, *arguments, **named))


class _SmallWrite(NamedTuple):
    ingest: Ingest
    pieces: list[bytes]
    size: int


class _SmallWrites:
    """Streams that are here as a whole: each engine thread takes many at once, with one look-up for all of them."""

    def __init__(self, repository: Repository, pool: ThreadPoolExecutor, threads: int) -> None:
        self._writer = repository.writer
        self._pool = pool
        self._threads = threads
        self._lock = threading.Lock()
        self._waiting: deque[_SmallWrite] = deque()
        self._at_work = 0

    def add(self, ingest: Ingest, pieces: list[bytes]) -> None:
        """Store a stream; the future of its ingest answers."""
        with self._lock:
            self._waiting.append(_SmallWrite(ingest, pieces, sum(map(len, pieces))))
            is_enough = self._at_work == self._threads
            self._at_work += not is_enough
        if not is_enough:
            self._pool.submit(self._work)

    def _work(self) -> None:
        while batch := self._take():
            self._store(batch)

    def _take(self) -> list[_SmallWrite]:
        batch: list[_SmallWrite] = []
        size = 0
        with self._lock:
            while self._waiting and len(batch) < _BATCH and size < _BATCH_BYTES:
                batch.append(self._waiting.popleft())
                size += batch[-1].size
            self._at_work -= not batch
        return batch

    def _store(self, batch: list[_SmallWrite]) -> None:
        cuts = []
        for write in batch:
            try:
                cuts += write.ingest.cut(write.pieces, is_last=True)
            except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for this stream
                write.ingest.fail(error)
        try:
            self._writer.store(cuts)
        except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for one of these streams
            for write in batch:
                write.ingest.fail(error)
        for write in batch:
            try:
                self._writer.finish(write.ingest)
            except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for this stream
                write.ingest.fail(error)


def _take_outcome(future: "asyncio.Future[None]") -> None:
    if not future.cancelled():
        future.exception()


def _fetch(reading: Reading, window: Window) -> tuple[list[bytes], Window | None]:
    return reading.fetch(window), reading.next_window()


def _small(entry: Entry, digest: bytes | None) -> SmallContent:
    manifest = manifests.write_one(entry)
    return SmallContent(manifest, manifests.root_key(manifest), entry.size, digest or _EMPTY_SHA256)


async def _buffers(stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[list[bytes], bool]]:
    gathered: list[bytes] = []
    size = 0
    async for piece in stream:
        if piece:
            gathered.append(piece)
            size += len(piece)
        if size >= _BUFFER_BYTES:
            yield gathered, False
            gathered, size = [], 0
    yield gathered, True
