"""Content, stored and read for the event loop."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from typing import Final, NamedTuple

from cloudconnect.kernel.ids import SpaceId, id_bytes
from cloudconnect.kernel.text import N_
from cloudconnect.storage import index
from cloudconnect.storage.aio.growth import STORES, Growth
from cloudconnect.storage.aio.threads import Threads, take_outcome
from cloudconnect.storage.chunker import MAXIMUM_BYTES, MINIMUM_BYTES, Chunker
from cloudconnect.storage.errors import BadAssembly, ContentDamaged
from cloudconnect.storage.gathering import Gathering
from cloudconnect.storage.growing import Growing, Hashing, Kept, Updated
from cloudconnect.storage.ingest import Cut, Ingest, StoredBatch, StoredContent
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.portions import gather, small_content, split, update
from cloudconnect.storage.reader import Reading, Window
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.seal import Buffer
from cloudconnect.storage.small_writes import SmallWrites

SMALL_BYTES: Final = MINIMUM_BYTES
"""The longest stream that always becomes one chunk."""


class Cutting(NamedTuple):
    """The keys by which a space names and cuts its content, and how long its chunks are on average."""

    name_key: bytes
    cut_key: bytes
    average_bytes: int


class Vault:
    """Stores and reads content for rooms; satisfies ``cloudconnect.ports.vault.Vault``."""

    def __init__(self, repository: Repository, threads: int | None = None, *, is_index_near: bool = False) -> None:
        """Open the door; *is_index_near* says that looking up a row takes less than handing it to a thread."""
        self._repository = repository
        self._is_index_near = is_index_near
        self.writer = repository.writer
        self.threads = Threads(threads)
        self._small = SmallWrites(repository.writer)

    async def add_domain(self, space: SpaceId) -> None:
        """Make and keep the keys of a new space; repeating it changes nothing."""
        await self.threads.run(self._repository.keyring.add_domain, id_bytes(space))

    async def write(self, space: SpaceId, stream: AsyncIterator[bytes]) -> StoredContent:
        """Store *stream* and return once every byte is durable; what it refuses, :meth:`take` does."""
        return await asyncio.wrap_future(await self.take(space, stream))

    async def take(self, space: SpaceId, stream: AsyncIterator[bytes]) -> Future[StoredContent]:
        """Take *stream* in and return what answers, on some thread, once every byte is durable.

        Giving up leaves nothing but garbage in packs and disturbs no other upload. At most about 28 MiB of the stream
        are in memory.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: the store takes no changes.
            NoDomain: there are no keys for the space.
        """
        ingest = self.writer.begin(id_bytes(space))
        try:
            buffers = gather(stream)
            pieces, is_last = await anext(buffers)
            if is_last and sum(map(len, pieces)) <= SMALL_BYTES:
                self._small.add(id_bytes(space), ingest, pieces)
            else:
                await self._store(ingest, pieces, buffers, is_last=is_last)
        except BaseException:
            self.threads.leave(ingest.end)
            raise
        return ingest.future

    async def write_many(self, space: SpaceId, contents: Sequence[Buffer]) -> StoredBatch:
        """Store many small streams, each at most SMALL_BYTES long, and return once all of them are durable.

        They share a look-up, packs and one wait for the disk, which costs a tenth of storing them one by one.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: the store takes no changes.
            NoDomain: there are no keys for the space.
        """
        if any(len(raw) > SMALL_BYTES for raw in contents):
            raise ValueError("a stream too long for a batch")
        entries, shared, digests = await self._write_cuts(space, contents, with_digests=True)
        return StoredBatch(shared, [small_content(entry, digests.get(place)) for place, entry in enumerate(entries)])

    async def cutting(self, space: SpaceId) -> Cutting:
        """Return what somebody needs to cut and to name content as this space does.

        Raises:
            NoDomain: there are no keys for the space.
        """
        keys = await self.threads.run(self._repository.keyring.domain, id_bytes(space))
        return Cutting(keys.content_ids.key.secret, keys.cut_key.secret, self.writer.average_bytes)

    def check_room(self, wanted_bytes: int) -> None:
        """Return if so many bytes can be stored, were nothing of them here already.

        Raises:
            StoreFull: there is no room for them.
            StoreReadOnly: the store takes no changes.
        """
        self.writer.check_room(wanted_bytes)

    async def find_missing(self, content_ids: Sequence[bytes]) -> list[int]:
        """Return the places in *content_ids* of the chunks that are not stored."""
        keys = [content_id[: index.CHUNK_KEY_BYTES] for content_id in content_ids]
        found = await self.threads.run(self.writer.find, keys)
        return [place for place, key in enumerate(keys) if key not in found]

    async def write_chunks(self, space: SpaceId, raws: Sequence[Buffer]) -> StoredContent:
        """Store chunks that somebody else has cut, and return once every byte is durable.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: the store takes no changes.
            NoDomain: there are no keys for the space.
        """
        if any(not 0 < len(raw) <= MAXIMUM_BYTES for raw in raws):
            raise ValueError("no chunk is empty or longer than the longest")
        return (await self._write_cuts(space, raws))[1]

    async def grow(
        self, space: SpaceId, size: int, pieces: Sequence[tuple[bytes, int]], hashing: Hashing | None = None
    ) -> Growth:
        """Return a stream of which *size* bytes are durable, the last of them in *pieces* (see ``growing``).

        *hashing* is what the stream's earlier growth left, if it is at hand.

        Raises:
            ContentDamaged: a piece cannot be read.
            NoDomain: there are no keys for the space.
        """
        return Growth(
            self.threads, self.writer, space, await self.threads.run(self._grow, id_bytes(space), size, pieces, hashing)
        )

    async def assemble(
        self,
        space: SpaceId,
        chunks: Sequence[tuple[bytes, int]],
        sha256: bytes | None = None,
        also: Updated | None = None,
    ) -> StoredContent:
        """Make one content of stored *chunks*, given by content id and size; if *sha256* is not known, each is read.

        So it is if there is something *also* to be updated with the plain bytes, in their order, on other threads.

        Raises:
            ChunksMissing: one is not stored.
            BadAssembly: one has another size.
            ContentDamaged: one cannot be read.
        """
        entries = [Entry(*chunk) for chunk in chunks]
        await self.threads.run(self._check_chunks, entries)
        digest = sha256
        if digest is None or also is not None:
            digest = await self._digest(space, entries, also)
        ingest = self.writer.begin(id_bytes(space))
        try:
            await self.threads.run(ingest.adopt, entries, digest)
            await self.threads.run(self.writer.finish, ingest)
            return await asyncio.wrap_future(ingest.future)
        except BaseException:
            self.threads.leave(ingest.end)
            raise

    def settle(self, sql: index.Sql, space: SpaceId, content: object) -> None:
        """Make *content* findable, inside the transaction that adds what points to it.

        Raises:
            ChunksMissing: a chunk it reused is gone; the transaction must not go on.
        """
        del space  # a chunk's key comes from a key of its space, so the index need not tell spaces apart
        if isinstance(content, StoredBatch | Kept):
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
        if self._is_index_near:
            raw = self._repository.reader.peek(id_bytes(space), manifest, start, stop)
            if raw is not None:
                yield raw
                return
        reading, pieces, window = await self.threads.run(self._open, id_bytes(space), manifest, start, stop)
        while True:
            ahead = None if window is None else asyncio.ensure_future(self.threads.run(_fetch, reading, window))
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

    async def read_many(
        self, space: SpaceId, contents: Sequence[bytes]
    ) -> AsyncIterator[list[tuple[int, bytes | ContentDamaged]]]:
        """Yield many small contents, given by manifest, some at a time and in the order in which they lie in packs.

        Each comes with its place in *contents*, and with the refusal instead of its bytes when it is damaged.

        Raises:
            NoDomain: there are no keys for the space.
        """
        gathering = await self.threads.run(Gathering, self._repository.reader, id_bytes(space), contents)
        portion = await self.threads.run(gathering.next)
        while portion:
            ahead = asyncio.ensure_future(self.threads.run(gathering.next))
            try:
                yield portion
            except BaseException:
                ahead.cancel()
                raise
            portion = await ahead

    async def close(self) -> None:
        """Finish what is being written and end the threads."""
        await asyncio.to_thread(self._small.close)
        await asyncio.to_thread(self.threads.close)
        await asyncio.to_thread(self._repository.close)

    async def _store(
        self, ingest: Ingest, pieces: list[bytes], buffers: AsyncIterator[tuple[list[bytes], bool]], *, is_last: bool
    ) -> None:
        stores: deque[asyncio.Future[None]] = deque()
        while True:
            cutting = self.threads.run(ingest.cut, pieces, is_last=is_last)
            if is_last:
                following = None
            else:
                following = await anext(buffers)
            storing = self.threads.run(self.writer.store, await cutting)
            # When one fails the others are not awaited any more; they fail for the same reason.
            storing.add_done_callback(take_outcome)
            stores.append(storing)
            if len(stores) == STORES or following is None:
                await stores.popleft()
            if following is None:
                break
            pieces, is_last = following
        for store in stores:
            await store
        await self.threads.run(self.writer.finish, ingest)

    async def _digest(self, space: SpaceId, entries: Sequence[Entry], also: Updated | None) -> bytes:
        """Return the SHA-256 of *entries* in a row, hashing one part while the next is read and opened."""
        state = hashlib.sha256()
        parts = self._repository.reader.read_parts(id_bytes(space), entries)
        reading = self.threads.run(next, parts, None)
        while raws := await reading:
            reading = self.threads.run(next, parts, None)
            try:
                await self.threads.run(update, state, raws)
                if also is not None:
                    await self.threads.run(update, also, raws)
            except BaseException:
                reading.cancel()
                raise
        return state.digest()

    def _grow(self, space: bytes, size: int, pieces: Sequence[tuple[bytes, int]], hashing: Hashing | None) -> Growing:
        chunker = Chunker(self._repository.keyring.domain(space).cut_key, self.writer.average_bytes)
        parts = self._repository.reader.read_parts(space, [Entry(*piece) for piece in pieces])
        rest = b"".join(raw for part in parts for raw in part)
        return Growing(chunker, size, pieces, rest, hashlib.sha256() if not size else hashing)

    def _check_chunks(self, entries: Sequence[Entry]) -> None:
        keys = [entry.content_id[: index.CHUNK_KEY_BYTES] for entry in entries]
        if len(self.writer.find(keys)) < len(set(keys)):
            raise index.missing()
        places = self._repository.reader.locate(keys)
        if any(places[key].raw_length != entry.size for key, entry in zip(keys, entries, strict=True)):
            raise BadAssembly(fix=N_("Ask which chunks are missing, and say the size of each."))

    async def _write_cuts(
        self, space: SpaceId, raws: Sequence[Buffer], *, with_digests: bool = False
    ) -> tuple[list[Entry], StoredContent, dict[int, bytes]]:
        """Store *raws*, each as one chunk; return entries, what settles them, and, if asked for, their SHA-256."""
        ingest = self.writer.begin(id_bytes(space))
        try:
            parts = list(split(await self.threads.run(ingest.take, raws)))
            store = self._store_with_digests if with_digests else self._store_without
            digests = await asyncio.gather(*(self.threads.run(store, part) for part in parts))
            await self.threads.run(self.writer.finish_many, ingest)
            shared = await asyncio.wrap_future(ingest.future)
        except BaseException:
            self.threads.leave(ingest.end)
            raise
        return ingest.entries, shared, {place: digest for part in digests for place, digest in part}

    def _store_with_digests(self, cuts: Sequence[Cut]) -> list[tuple[int, bytes]]:
        digests = [(cut.place, hashlib.sha256(cut.raw).digest()) for cut in cuts]
        return digests + self._store_without(cuts)

    def _store_without(self, cuts: Sequence[Cut]) -> list[tuple[int, bytes]]:
        self.writer.store(cuts)
        return []

    def _open(
        self, space: bytes, manifest: bytes, start: int, stop: int | None
    ) -> tuple[Reading, list[bytes], Window | None]:
        reading = self._repository.reader.open(space, manifest, start, stop)
        window = reading.next_window()
        if window is None:
            return reading, [], None
        return reading, *_fetch(reading, window)


def _fetch(reading: Reading, window: Window) -> tuple[list[bytes], Window | None]:
    return reading.fetch(window), reading.next_window()
