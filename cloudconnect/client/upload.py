"""Putting local trees into a space, with the manners of ``cp -r``."""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudconnect.client.connection import Client, Pauses, encode_path
from cloudconnect.client.progress import Failure, Progress
from cloudconnect.kernel.clock import format_ns, parse_ns
from cloudconnect.kernel.errors import CloudConnectError, Conflict, Invalid, NotFound, PreconditionFailed
from cloudconnect.kernel.text import N_
from cloudconnect.wire.files import Changed, Entry, Uploaded

AT_ONCE = 64
_LARGE_AT_ONCE = 8
_WHOLE_BYTES = 1 << 20
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Found:
    """A local file or folder and the path it gets."""

    local: str
    remote: str
    is_folder: bool
    size: int
    modified_ns: int


class Upload:
    """One run of ``put``. What the server has already, by size and time of modification, is not sent again."""

    def __init__(self, client: Client, space: str, *, compares_content: bool = False) -> None:
        self._client = client
        self._space = f"/spaces/{space}"
        self._compares_content = compares_content
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self.progress = Progress()

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
        queue = iter(files)
        await asyncio.gather(*(self._work(queue, there) for _ in range(min(AT_ONCE, len(files)))))

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
        """Make folders level by level, since each needs the one above it."""
        levels: dict[int, list[_Found]] = {}
        for folder in folders:
            known = there.get(folder.remote)
            if known is None or known.kind != "folder":
                levels.setdefault(folder.remote.count("/"), []).append(folder)
        for _, level in sorted(levels.items()):
            queue = iter(level)
            await asyncio.gather(*(self._make(queue) for _ in range(min(AT_ONCE, len(level)))))

    async def _make(self, queue: Iterator[_Found]) -> None:
        for folder in queue:
            try:
                await self._make_one(folder)
            except CloudConnectError as refusal:
                if refusal.code != "files.exists" or not await self._is_folder(folder.remote):
                    self._fail(folder.remote, str(refusal), refusal.code)

    async def _make_one(self, folder: _Found) -> None:
        path = f"{self._space}/folders/{encode_path(folder.remote)}"
        query: dict[str, str | bool] = {"modified": format_ns(folder.modified_ns), "parents": True}
        later = Pauses()
        while True:
            try:
                await self._client.ask("POST", path, Changed, query=query)
                break
            except CloudConnectError as refusal:
                if not await later.wait(refusal):
                    raise

    async def _work(self, queue: Iterator[_Found], there: dict[str, Entry]) -> None:
        for found in queue:
            known = there.get(found.remote)
            try:
                if known is not None and await self._is_same(found, known):
                    self.progress.skipped_files += 1
                    self.progress.done_bytes += found.size
                elif found.size <= _WHOLE_BYTES:
                    await self._send(found, known)
                else:
                    # Each large file takes memory of the daemon's while it is on its way.
                    async with self._large:
                        await self._send(found, known)
                self.progress.done_files += 1
            except CloudConnectError as refusal:
                self._fail(found.remote, str(refusal), refusal.code)
            except OSError as error:
                self._fail(found.remote, error.strerror or str(error), "local")

    async def _is_same(self, found: _Found, known: Entry) -> bool:
        if known.kind != "file" or known.size != found.size:
            return False
        if self._compares_content:
            return await asyncio.to_thread(file_sha256, found.local) == known.sha256
        return parse_ns(known.modified) == found.modified_ns

    async def _send(self, found: _Found, known: Entry | None) -> None:
        headers = {"If-Match": f'"{known.etag}"'} if known is not None else {"If-None-Match": "*"}
        before = self.progress.done_bytes
        is_repeated = False
        later = Pauses()
        while True:
            try:
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
                self.progress.reused_bytes += uploaded.reused_bytes
                self.progress.stored_bytes += uploaded.stored_bytes
                return

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


def file_sha256(path: str) -> str:
    """Return the SHA-256 of a local file in hexadecimal digits."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - one call fewer for each of many files
        return hashlib.file_digest(file, "sha256").hexdigest()
