"""Putting local trees into a space, with the manners of ``cp -r``."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudconnect.client.connection import Client, Pauses, encode_path
from cloudconnect.client.negotiation import LARGEST_BYTES, Changed, Negotiation
from cloudconnect.client.progress import Failure, Progress
from cloudconnect.client.resumable import Notes, Resumable
from cloudconnect.kernel.clock import format_ns, parse_ns
from cloudconnect.kernel.errors import CloudConnectError, Conflict, Invalid, NotFound, PreconditionFailed
from cloudconnect.kernel.text import N_
from cloudconnect.wire.files import Bulk, BulkItem, Entry, Uploaded

AT_ONCE = 64
_LARGE_AT_ONCE = 3
_WHOLE_BYTES = 1 << 20
_BULK_FILE_BYTES = 64 << 10
_BULK_BYTES = 4 << 20
_BULK_ITEMS = 1_000
_BULK_AT_ONCE = 3
_PIECE_BYTES = 1 << 20
_NEGOTIATED_BYTES = 4 << 20
_RESUMABLE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Found:
    """A local file or folder and the path it gets."""

    local: str
    remote: str
    is_folder: bool
    size: int
    modified_ns: int


class _Bulk:
    """Sends many small files, or folders, in one request (``POST …/bulk``)."""

    def __init__(
        self,
        client: Client,
        space: str,
        progress: Progress,
        is_there: Callable[[_Found], Awaitable[bool]],
    ) -> None:
        self._client = client
        self._path = f"{space}/bulk"
        self._progress = progress
        self._is_there = is_there

    async def send(self, batch: list[_Found], there: dict[str, Entry]) -> None:
        """Send what of *batch* can be read, and list what fails in the progress."""
        sent, body, size = await asyncio.to_thread(self._read, batch, there)
        if not sent:
            return
        try:
            answer, is_repeated = await self._post(body)
        except CloudConnectError as refusal:
            for found in sent:
                self._fail(found, str(refusal), refusal.code)
            return
        self._progress.sent_bytes += size
        self._progress.stored_bytes += answer.stored_bytes
        self._progress.reused_bytes += answer.reused_bytes
        self._progress.undo.add(answer.undo)
        for found, outcome in zip(sent, answer.outcomes, strict=True):
            # The answer to an earlier attempt may have been lost while its effect was not.
            is_lost = outcome.code == "files.stale" and is_repeated
            if not outcome.code or (is_lost and await self._is_there(found)):
                if not found.is_folder:
                    self._progress.done_files += 1
                    self._progress.done_bytes += found.size
            else:
                self._fail(found, outcome.detail, outcome.code)

    async def _post(self, body: bytes) -> tuple[Bulk, bool]:
        """Return the answer, and whether it took more than one attempt to get it."""
        later, is_repeated = Pauses(), False
        while True:
            try:
                return await self._client.post_packed(self._path, Bulk, body), is_repeated
            except CloudConnectError as refusal:
                if not await later.wait(refusal):
                    raise
                is_repeated = True

    def _read(self, batch: list[_Found], there: dict[str, Entry]) -> tuple[list[_Found], bytes, int]:
        import msgspec  # noqa: PLC0415 - loaded with the first answer anyway

        sent, items, size = [], [], 0
        for found in batch:
            content = None
            if not found.is_folder:
                try:
                    content = _read_small(found.local)
                except OSError as error:
                    self._fail(found, error.strerror or str(error), "local")
                    continue
                size += len(content)
            known = there.get(found.remote)
            items.append(
                BulkItem(
                    found.remote,
                    None if content is None else memoryview(content),
                    found.modified_ns,
                    None if known is None else known.etag,
                )
            )
            sent.append(found)
        return sent, msgspec.msgpack.encode(items), size

    def _fail(self, found: _Found, detail: str, code: str) -> None:
        self._progress.failures.append(Failure(found.remote, detail, code))


class Upload:
    """One run of ``put``. What the server has already, by size and time of modification, is not sent again.

    Small files go together, of large ones that are there only what is missing, and other large ones in pieces that an
    interruption does not undo: *notes* says in which directory is noted where those go on.
    """

    def __init__(self, client: Client, space: str, notes: Path, *, compares_content: bool = False) -> None:
        self._client = client
        self._space = f"/spaces/{space}"
        self._compares_content = compares_content
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self.progress = Progress()
        self._negotiation = Negotiation(client, self._space, self.progress)
        self._resumable = Resumable(client, self._space, self.progress, Notes(notes))
        self._bulk = _Bulk(self._client, self._space, self.progress, self._is_there)

    async def run(self, sources: list[Path], target: str) -> None:
        """Put *sources* to the path *target*.

        A source goes into *target* if that is a folder there, else becomes it; several sources need a folder, and so
        does a file whose target ends with a slash. What fails is listed in the progress and does not stop the others.

        Raises:
            NotFound: a source does not exist.
            Conflict: *target* is no folder, and has to be one.
            CloudConnectError: the target cannot be asked about.
        """
        for source in sources:
            if not os.path.lexists(source):
                raise NotFound(N_("There is no “{path}” here."), path=str(source))
        is_folder = await self._is_folder(target)
        needs_folder = len(sources) > 1 or (target.endswith("/") and not sources[0].is_dir())
        if needs_folder and not is_folder:
            raise Conflict(N_("“{path}” is not a folder."), fix=N_("Make it first: cloudconnect mkdir"), path=target)
        for source in sources:
            name = source.resolve().name if source.name in {"", ".", ".."} else source.name
            await self._put(source, f"{target.rstrip('/')}/{name}" if is_folder else target.rstrip("/"))
        self.progress.is_found = True

    async def _put(self, source: Path, target: str) -> None:
        if not self._is_text(target):
            return
        there = await self._remote(target)
        found = self._find(source, target)
        folders: list[_Found] = []
        files: list[_Found] = []
        for each in found:
            (folders if each.is_folder else files).append(each)
        self.progress.is_found = True
        await self._make_folders(folders, there)
        await self._put_files(files, there)

    def _find(self, source: Path, target: str) -> Iterator[_Found]:
        pending = [(os.fspath(source), target)]
        while pending:
            local, remote = pending.pop()
            try:
                facts = os.stat(local) if local == os.fspath(source) else os.lstat(local)
                if stat.S_ISDIR(facts.st_mode):
                    pending += sorted(
                        ((f"{local}/{name}", f"{remote}/{name}") for name in os.listdir(local)), reverse=True
                    )
            except OSError as error:
                self._fail(remote, error.strerror or str(error), "local")
                continue
            if not self._is_sendable(remote, facts.st_mode):
                continue
            is_folder = stat.S_ISDIR(facts.st_mode)
            self.progress.folders += is_folder
            self.progress.files += not is_folder
            self.progress.bytes += 0 if is_folder else facts.st_size
            yield _Found(local, remote, is_folder, facts.st_size, facts.st_mtime_ns)

    def _is_sendable(self, remote: str, mode: int) -> bool:
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            self.progress.special_files += 1
            return False
        return self._is_text(remote)

    def _is_text(self, remote: str) -> bool:
        try:
            remote.encode()
        except UnicodeEncodeError:
            self._fail(remote.encode(errors="replace").decode(), "the name is not valid Unicode", "files.bad-path")
            return False
        return True

    async def _make_folders(self, folders: list[_Found], there: dict[str, Entry]) -> None:
        """Make folders, upper ones first: what comes into a folder changes nothing about when it was modified."""
        missing = [each for each in folders if (known := there.get(each.remote)) is None or known.kind != "folder"]
        missing.sort(key=lambda each: each.remote.count("/"))
        for start in range(0, len(missing), _BULK_ITEMS):
            await self._bulk.send(missing[start : start + _BULK_ITEMS], there)

    async def _put_files(self, files: list[_Found], there: dict[str, Entry]) -> None:
        batches: list[list[_Found]] = [[]]
        single: list[_Found] = []
        size = 0
        for found in files:
            known = there.get(found.remote)
            if self._compares_content and known is not None and known.size == found.size:
                single.append(found)
            elif _looks_the_same(found, known):
                self._skip(found)
            elif found.size > _BULK_FILE_BYTES:
                single.append(found)
            else:
                if len(batches[-1]) == _BULK_ITEMS or size + found.size > _BULK_BYTES:
                    batches.append([])
                    size = 0
                batches[-1].append(found)
                size += found.size
        queue, bulks = iter(single), iter(batches)
        await asyncio.gather(
            *(self._work_bulk(bulks, there) for _ in range(_BULK_AT_ONCE)),
            *(self._work(queue, there) for _ in range(min(AT_ONCE, len(single)))),
        )

    def _skip(self, found: _Found) -> None:
        self.progress.skipped_files += 1
        self.progress.done_bytes += found.size
        self.progress.done_files += 1

    async def _work_bulk(self, batches: Iterator[list[_Found]], there: dict[str, Entry]) -> None:
        for batch in batches:
            if batch:
                await self._bulk.send(batch, there)

    async def _work(self, queue: Iterator[_Found], there: dict[str, Entry]) -> None:
        for found in queue:
            known = there.get(found.remote)
            try:
                if known is not None and await self._is_same(found, known):
                    self._skip(found)
                    continue
                if found.size <= _WHOLE_BYTES:
                    await self._send(found, known)
                else:
                    # Each large file takes memory of the daemon's while it is on its way.
                    async with self._large:
                        await self._send(found, known)
                self.progress.done_files += 1
            except CloudConnectError as refusal:
                self._fail(found.remote, str(refusal), refusal.code)
            except Changed:
                self._fail(found.remote, "it changed while it was being sent", "local")
            except OSError as error:
                self._fail(found.remote, error.strerror or str(error), "local")

    async def _is_same(self, found: _Found, known: Entry) -> bool:
        if not self._compares_content:
            return _looks_the_same(found, known)
        if known.kind != "file" or known.size != found.size:
            return False
        return await asyncio.to_thread(file_sha256, found.local) == known.sha256

    async def _send(self, found: _Found, known: Entry | None) -> None:
        if found.size >= _RESUMABLE_BYTES and (known is None or found.size > LARGEST_BYTES):
            etag = None if known is None else known.etag
            self._count(await self._resumable.send(found.local, found.remote, found.size, found.modified_ns, etag))
            return
        headers = {"If-Match": f'"{known.etag}"'} if known is not None else {"If-None-Match": "*"}
        before = self.progress.done_bytes
        is_repeated = False
        later = Pauses()
        while True:
            try:
                if known is not None and _NEGOTIATED_BYTES <= found.size <= LARGEST_BYTES:
                    uploaded = await self._negotiation.send(found.local, found.remote, found.modified_ns, known.etag)
                else:
                    uploaded = await self._send_once(found, headers)
            except PreconditionFailed:
                # The answer to an earlier attempt may have been lost while its effect was not.
                if not is_repeated or not await self._is_there(found):
                    raise
                self.progress.done_bytes = before + found.size
                return
            except CloudConnectError as refusal:
                self.progress.done_bytes = before
                if not await later.wait(refusal):
                    raise
                is_repeated = True
            else:
                self._count(uploaded)
                return

    def _count(self, uploaded: Uploaded) -> None:
        self.progress.reused_bytes += uploaded.reused_bytes
        self.progress.stored_bytes += uploaded.stored_bytes
        self.progress.undo.add(uploaded.undo)

    async def _send_once(self, found: _Found, headers: dict[str, str]) -> Uploaded:
        import msgspec  # noqa: PLC0415 - loaded with the first answer anyway

        data: bytes | AsyncIterator[bytes]
        if found.size <= _WHOLE_BYTES:
            data = Path(found.local).read_bytes()
            self.progress.sent_bytes += len(data)
        else:
            data = self._pieces(found.local)
        path = f"{self._space}/content/{encode_path(found.remote)}"
        query: dict[str, str | bool] = {"modified": format_ns(found.modified_ns), "parents": True}
        async with self._client.send("PUT", path, data=data, query=query, headers=headers) as response:
            answer = msgspec.json.decode(await response.read(), type=Uploaded)
        if found.size <= _WHOLE_BYTES:
            self.progress.done_bytes += found.size
        return answer

    async def _pieces(self, local: str) -> AsyncIterator[bytes]:
        with open(local, "rb", buffering=0) as file:  # noqa: ASYNC230, PTH123 - opening does not wait; reading is handed off
            while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
                yield piece
                self.progress.sent_bytes += len(piece)
                self.progress.done_bytes += len(piece)

    async def _is_there(self, found: _Found) -> bool:
        entry = await self._client.ask("GET", f"{self._space}/entries/{encode_path(found.remote)}", Entry)
        return entry.sha256 == await asyncio.to_thread(file_sha256, found.local)

    async def _is_folder(self, path: str) -> bool:
        try:
            entry = await self._client.ask("GET", f"{self._space}/entries/{encode_path(path)}", Entry)
        except NotFound:
            return False
        return entry.kind == "folder"

    async def _remote(self, target: str) -> dict[str, Entry]:
        """Return what is at and below *target*, by path."""
        path = encode_path(target)
        try:
            entry = await self._client.ask("GET", f"{self._space}/entries/{path}", Entry)
            there = {target: entry}
            if entry.kind == "folder":
                async for each in self._client.list(f"{self._space}/tree/{path}", Entry):
                    there[each.path] = each
        except (NotFound, Invalid):
            return {}
        return there

    def _fail(self, path: str, detail: str, code: str) -> None:
        self.progress.failures.append(Failure(path, detail, code))


def _read_small(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(descriptor, _BULK_FILE_BYTES + 1)
        while more := os.read(descriptor, _BULK_FILE_BYTES + 1):
            # It has grown since it was found; the server refuses it by its length if it became too long.
            content += more
        return content
    finally:
        os.close(descriptor)


def _looks_the_same(found: _Found, known: Entry | None) -> bool:
    return (
        known is not None
        and known.kind == "file"
        and known.size == found.size
        and parse_ns(known.modified) == found.modified_ns
    )


def file_sha256(path: str) -> str:
    """Return the SHA-256 of a local file in hexadecimal digits."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - one call fewer for each of many files
        return hashlib.file_digest(file, "sha256").hexdigest()
