"""What one engine thread takes at once: streams gathered into buffers, and cuts split into portions."""

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.growing import Updated
from cloudconnect.storage.ingest import Cut, SmallContent
from cloudconnect.storage.manifest import Entry

BUFFER_BYTES: Final = 4 << 20
"""How much of a stream is gathered before it is cut."""

_PART_BYTES: Final = 4 << 20
_EMPTY_SHA256: Final = hashlib.sha256(b"").digest()


async def gather(stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[list[bytes], bool]]:
    """Yield the pieces of *stream* about 4 MiB at a time, each time with whether these are the last."""
    gathered: list[bytes] = []
    size = 0
    async for piece in stream:
        if piece:
            gathered.append(piece)
            size += len(piece)
        if size >= BUFFER_BYTES:
            yield gathered, False
            gathered, size = [], 0
    yield gathered, True


def split(cuts: Sequence[Cut]) -> Iterator[list[Cut]]:
    """Yield *cuts* in portions for one thread each; small ones stay together, since they are mostly Python's work."""
    part: list[Cut] = []
    size = 0
    for cut in cuts:
        part.append(cut)
        size += len(cut.raw)
        if size >= _PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def small_content(entry: Entry, digest: bytes | None) -> SmallContent:
    """Return the content of at most one chunk that *entry* is, whose SHA-256 is *digest* unless it is empty."""
    manifest = manifests.write_one(entry)
    return SmallContent(manifest, manifests.root_key(manifest), entry.size, digest or _EMPTY_SHA256)


def update(state: Updated, raws: Sequence[bytes]) -> None:
    """Have *state* go on with *raws*."""
    for raw in raws:
        state.update(raw)
