"""Sending only those parts of a file that a space does not hold: cut here as the space cuts, ask, send the rest."""

import asyncio
from collections.abc import Iterator
from io import FileIO
from typing import BinaryIO, NamedTuple

from cloudconnect.client.connection import Client
from cloudconnect.client.progress import Progress
from cloudconnect.wire.files import Assembly, ChunksAdded, Cutting, Missing, Uploaded

_READ_BYTES = 8 << 20
_ASKED_BYTES = 32 << 20
_SENT_BYTES = 8 << 20

LARGEST_BYTES = 64 << 30
"""Beyond this the list of chunks would not fit into one request."""


class _Chunk(NamedTuple):
    content_id: bytes
    offset: int
    size: int


class Changed(Exception):
    """The file changed while it was being sent."""


class Negotiation:
    """Sends files to one space by the chunks that are missing there."""

    def __init__(self, client: Client, space: str, progress: Progress) -> None:
        self._client = client
        self._space = space
        self._progress = progress
        self._cutting: Cutting | None = None

    async def send(self, local: str, remote: str, modified_ns: int, etag: str | None) -> Uploaded:
        """Send the file *local* to the path *remote*, where the state *etag* is now, or nothing if that is None.

        Raises:
            CloudConnectError: as the appliance refuses.
            Changed: the file changed meanwhile.
            OSError: it cannot be read.
        """
        if self._cutting is None:
            self._cutting = await self._client.ask("GET", f"{self._space}/cutting", Cutting)
        chunks: list[_Chunk] = []
        with open(local, "rb", buffering=0) as file:  # noqa: ASYNC230, PTH123 - opening does not wait; reading is handed off
            parts = _cut(file, self._cutting)
            cutting = asyncio.ensure_future(asyncio.to_thread(next, parts, None))
            while part := await cutting:
                # What comes next is cut while the appliance says what it has of this.
                cutting = asyncio.ensure_future(asyncio.to_thread(next, parts, None))
                try:
                    await self._send_missing(local, part)
                except BaseException:
                    await asyncio.wait([cutting])
                    raise
                self._progress.done_bytes += sum(chunk.size for chunk in part)
                chunks += part
        packed = [(chunk.content_id, chunk.size) for chunk in chunks]
        body = Assembly(remote, packed, modified_ns, etag)
        return await self._client.post_packed(f"{self._space}/assembled", Uploaded, body)

    async def _send_missing(self, local: str, chunks: list[_Chunk]) -> None:
        ids = [chunk.content_id for chunk in chunks]
        answer = await self._client.post_packed(f"{self._space}/chunks/missing", Missing, ids)
        missing = list({chunks[place].content_id: chunks[place] for place in answer.missing}.values())
        for portion in _portions(missing):
            raws = await asyncio.to_thread(_read, local, portion)
            added = await self._client.post_packed(f"{self._space}/chunks", ChunksAdded, raws)
            size = sum(map(len, raws))
            self._progress.sent_bytes += size
            self._progress.stored_bytes += added.stored_bytes


def _cut(file: FileIO, cutting: Cutting) -> Iterator[list[_Chunk]]:
    """Yield the chunks of *file*, those of about 32 MiB at a time, reading it once and through one buffer."""
    from cloudconnect.storage.chunker import MAXIMUM_BYTES, Chunker  # noqa: PLC0415 - native code that few commands need
    from cloudconnect.storage.seal import DATA, ContentIds, Key  # noqa: PLC0415 - as above

    chunker, ids = Chunker(Key(cutting.cut_key), cutting.average_bytes), ContentIds(Key(cutting.name_key))
    buffer = memoryview(bytearray(_READ_BYTES + MAXIMUM_BYTES))
    start = held = 0
    chunks: list[_Chunk] = []
    is_last = False
    while not is_last:
        count = file.readinto(buffer[held:])
        is_last = not count
        end = 0
        for stop in chunker.cut(buffer[: held + count], is_last=is_last):
            chunks.append(_Chunk(ids.of(DATA, buffer[end:stop]), start + end, stop - end))
            end = stop
        left = bytes(buffer[end : held + count])
        buffer[: len(left)] = left
        held, start = len(left), start + end
        if chunks and (is_last or start - chunks[0].offset >= _ASKED_BYTES):
            yield chunks
            chunks = []


def _portions(chunks: list[_Chunk]) -> Iterator[list[_Chunk]]:
    portion: list[_Chunk] = []
    size = 0
    for chunk in chunks:
        portion.append(chunk)
        size += chunk.size
        if size >= _SENT_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _read(local: str, chunks: list[_Chunk]) -> list[bytes]:
    with open(local, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        return [_read_one(file, chunk) for chunk in chunks]


def _read_one(file: BinaryIO, chunk: _Chunk) -> bytes:
    file.seek(chunk.offset)
    raw = file.read(chunk.size)
    if len(raw) != chunk.size:
        raise Changed
    return raw
