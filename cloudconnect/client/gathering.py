"""Getting many small files in one request and writing them together."""

import asyncio
import ctypes
import hashlib
import os
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cloudconnect.client.connection import Client, Pauses, Unreachable
from cloudconnect.client.progress import Failure, Progress
from cloudconnect.kernel.clock import parse_ns
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.wire.files import BulkFile, BulkRead, Entry

if TYPE_CHECKING:
    import aiohttp

SMALL_BYTES: Final = 128 << 10
"""The longest file that is had with many others."""

_BATCH_BYTES: Final = 8 << 20
_BATCH_FILES: Final = 2_000
_WRITTEN_BYTES: Final = 4 << 20  # each portion waits once for the file system
_FRAME_LIMIT_BYTES: Final = 64 << 20
_LENGTH: Final = struct.Struct(">I")
_AS_JSON: Final = {"Content-Type": "application/json"}
_DECODER: Final = msgspec.msgpack.Decoder(list[BulkFile])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A remote file and the local path it gets."""

    entry: Entry
    local: Path

    @property
    def part(self) -> Path:
        """Where it grows: beside its place, under a name that holds its version."""
        mark = hashlib.sha256(f"{self.entry.etag} {self.local.name}".encode()).hexdigest()[:16]
        return self.local.with_name(f".cloudconnect-{mark}.part")


class Gathering:
    """Fetches batches of small files of one space (``POST …/bulk/read``)."""

    def __init__(self, client: Client, space: str, at: str | None, progress: Progress) -> None:
        self._client = client
        self._path = f"{space}/bulk/read"
        self._at = at
        self._progress = progress

    async def fetch(self, batch: Sequence[Wanted]) -> list[Wanted]:
        """Get *batch*; return what came as another version than was listed, or not at all.

        What cannot be had, or not be written, is listed in the progress. A broken answer is asked for again without
        what it brought.
        """
        left = dict(enumerate(batch))
        others: list[Wanted] = []
        later = Pauses()
        while left:
            try:
                await self._fetch_once(left, others)
                break
            except CloudConnectError as refusal:
                if not await later.wait(refusal):
                    for each in left.values():
                        self._fail(each, str(refusal), refusal.code)
                    return others
        return [*others, *left.values()]

    async def _fetch_once(self, left: dict[int, Wanted], others: list[Wanted]) -> None:
        """Get what it can of *left*, taking out of it what is done with; what is another version goes to *others*."""
        body = msgspec.json.encode(BulkRead([each.entry.id for each in left.values()], self._at))
        keys = list(left)
        async with self._client.send("POST", self._path, data=body, headers=_AS_JSON) as response:
            waiting: list[tuple[Wanted, memoryview]] = []
            size = 0
            try:
                async for frame in _frames(response):
                    arrived = self._take(frame, keys, left, others)
                    waiting += arrived
                    size += sum(len(content) for _, content in arrived)
                    if size >= _WRITTEN_BYTES:
                        files, waiting, size = waiting, [], 0
                        await self._write(files)
            finally:
                # What has come in is worth keeping however the answer ends.
                if waiting:
                    await self._write(waiting)

    def _take(
        self, frame: list[BulkFile], keys: list[int], left: dict[int, Wanted], others: list[Wanted]
    ) -> list[tuple[Wanted, memoryview]]:
        """Take what *frame* tells of out of *left*; return what is to be written."""
        arrived: list[tuple[Wanted, memoryview]] = []
        for file in frame:
            wanted = left.pop(keys[file.place], None) if 0 <= file.place < len(keys) else None
            if wanted is None:
                continue
            if file.content is None:
                self._fail(wanted, file.detail, file.code)
            elif hashlib.sha256(file.content).hexdigest() != wanted.entry.sha256:
                others.append(wanted)
            else:
                arrived.append((wanted, file.content))
        return arrived

    async def _write(self, files: list[tuple[Wanted, memoryview]]) -> None:
        failures = await asyncio.to_thread(write_together, files)
        for wanted, content in files:
            error = failures.get(wanted.local)
            if error is None:
                self._progress.done_files += 1
                self._progress.done_bytes += len(content)
                self._progress.sent_bytes += len(content)
            else:
                self._fail(wanted, error.strerror or str(error), "local")

    def _fail(self, wanted: Wanted, detail: str, code: str) -> None:
        self._progress.failures.append(Failure(wanted.entry.path, detail, code))


def batches(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Yield *wanted* in portions for one request each."""
    batch: list[Wanted] = []
    size = 0
    for each in wanted:
        batch.append(each)
        size += each.entry.size or 0
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def write_together(files: Sequence[tuple[Wanted, memoryview]]) -> dict[Path, OSError]:
    """Write files, each whole and on the disk before it takes its place; return what failed, by local path."""
    parts: dict[Path, Path] = {}
    failures: dict[Path, OSError] = {}
    devices: dict[int, Path] = {}
    for wanted, content in files:
        part = parts[wanted.local] = wanted.part
        try:
            devices[_write(part, content, parse_ns(wanted.entry.modified))] = part
        except OSError as error:
            failures[wanted.local] = error
    try:
        _sync(devices, [part for local, part in parts.items() if local not in failures])
    except OSError as error:
        failures.update(dict.fromkeys(parts, error))
    for local, part in parts.items():
        if local not in failures:
            try:
                part.replace(local)
            except OSError as error:
                failures[local] = error
    for local in failures:
        with suppress(OSError):
            parts[local].unlink()
    return failures


def _write(path: Path, content: memoryview, modified_ns: int) -> int:
    """Write *path* and return the device it is on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
        os.utime(descriptor, ns=(modified_ns, modified_ns))
        return os.fstat(descriptor).st_dev
    finally:
        os.close(descriptor)


def _sync(devices: dict[int, Path], parts: Sequence[Path]) -> None:
    """Have *parts* on the disk: one wait for each file system they are on, where the system can do that."""
    whole = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    for path in parts if whole is None else devices.values():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if whole is None:
                os.fsync(descriptor)
            elif whole(descriptor):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        finally:
            os.close(descriptor)


async def _frames(response: "aiohttp.ClientResponse") -> AsyncIterator[list[BulkFile]]:
    try:
        while size := _LENGTH.unpack(await response.content.readexactly(_LENGTH.size))[0]:
            if size > _FRAME_LIMIT_BYTES:
                raise _broken()
            yield _DECODER.decode(await response.content.readexactly(size))
    except (asyncio.IncompleteReadError, msgspec.DecodeError) as error:
        raise _broken() from error


def _broken() -> Unreachable:
    return Unreachable(N_("The answer broke off."), fix=N_("Try again."))
