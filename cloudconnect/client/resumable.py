"""Sending large files so that what the appliance has acknowledged is never sent again.

A file goes in pieces, each a request of its own, that proxies let through. Where it goes on is noted in the state
directory, by source, size, time of modification and target, so that the same command goes on after an interruption.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from io import FileIO
from pathlib import Path
from typing import Final

import msgspec

from cloudconnect.client.connection import PREFIX, Client, Pauses, encode_path
from cloudconnect.client.negotiation import Changed
from cloudconnect.client.progress import Progress
from cloudconnect.kernel.clock import SystemClock, format_ns
from cloudconnect.kernel.errors import CloudConnectError, NotFound, TooLarge
from cloudconnect.wire.files import Entry, Uploaded

_PIECE_BYTES: Final = 64 << 20
_SMALLEST_BYTES: Final = 512 << 10
_READ_BYTES: Final = 1 << 20
_POLL_SECONDS: Final = 1.0
_KEPT_SECONDS: Final = 7 * 86_400
_ACCEPTED: Final = 202


class Notes:
    """Where uploads go on that were interrupted: a small file for each, in a directory of the user's own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextlib.contextmanager
    def open(self, *key: str) -> Iterator["Note"]:
        """Yield the note of the upload that *key* names; one that another process works on is as if there were none."""
        path = self._directory / hashlib.sha256("\0".join(key).encode(errors="surrogatepass")).hexdigest()
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            # Nothing can be noted here; the file is sent all the same.
            yield Note(None, path)
            return
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield Note(None, path)
            else:
                yield Note(file, path)

    def remove_old(self) -> None:
        """Remove what was noted a week ago or earlier: no upload lives that long."""
        before = SystemClock().now().timestamp() - _KEPT_SECONDS
        for path in self._directory.glob("*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()


class Note:
    """Where one upload goes on."""

    def __init__(self, file: FileIO | None, path: Path) -> None:
        self._file = file
        self._path = path

    def read(self) -> str:
        """Return the address, empty if there is none."""
        return "" if self._file is None else os.pread(self._file.fileno(), 4_096, 0).decode(errors="replace")

    def write(self, address: str) -> None:
        """Note *address*."""
        if self._file is not None:
            self._file.truncate(0)
            os.pwrite(self._file.fileno(), address.encode(), 0)

    def remove(self) -> None:
        """Note nothing any more."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)


class Resumable:
    """Sends large files to one space."""

    def __init__(self, client: Client, space: str, progress: Progress, notes: Notes) -> None:
        self._client = client
        self._space = space
        self._progress = progress
        self._notes = notes
        notes.remove_old()

    async def send(self, local: str, remote: str, size: int, modified_ns: int, etag: str | None) -> Uploaded:
        """Send the file *local* of *size* bytes to the path *remote*, where the state *etag* is now, None for nothing.

        Raises:
            CloudConnectError: as the appliance refuses.
            Changed: the file changed meanwhile.
            OSError: it cannot be read.
        """
        facts = (_absolute(local), str(size), str(modified_ns), etag or "")
        with self._notes.open(self._client.place, self._space, remote, *facts) as note:
            sending = _Sending(self._client, self._space, self._progress, note, (local, remote, size, modified_ns))
            return await sending.run(etag)


class _Sending:
    """One file on its way. An offset of None means that the appliance has to be asked how far it is.

    Pieces get smaller when they do not arrive, for a proxy that gathers each before it passes it on may let large ones
    never through, and larger again when they do.
    """

    def __init__(
        self, client: Client, space: str, progress: Progress, note: Note, file: tuple[str, str, int, int]
    ) -> None:
        self._client = client
        self._space = space
        self._progress = progress
        self._note = note
        self._local, self._remote, self._size, self._modified_ns = file
        self._counted = 0
        self._piece_bytes = _PIECE_BYTES
        self._address = note.read().removeprefix(PREFIX)
        self._offset: int | None = None

    async def run(self, etag: str | None) -> Uploaded:
        """Send what is missing, as often as it takes."""
        later = Pauses()
        while True:
            try:
                uploaded = await self._step(etag)
            except CloudConnectError as refusal:
                self._offset = None
                if not self._fits_smaller(refusal) and not await later.wait(refusal):
                    raise
            else:
                if uploaded is not None:
                    self._note.remove()
                    return uploaded
                later = Pauses()

    def _fits_smaller(self, refusal: CloudConnectError) -> bool:
        """Make pieces smaller; return whether that is all it takes to get through."""
        is_smallest = self._piece_bytes == _SMALLEST_BYTES
        self._piece_bytes = max(self._piece_bytes // 2, _SMALLEST_BYTES)
        # Our own refusals have codes of their own; this one comes from a proxy.
        return not is_smallest and isinstance(refusal, TooLarge) and refusal.code == TooLarge.code

    async def _step(self, etag: str | None) -> Uploaded | None:
        if not self._address:
            await self._begin(etag)
            return None
        return await self._locate() if self._offset is None else await self._append(self._offset)

    async def _begin(self, etag: str | None) -> None:
        query: dict[str, str | bool] = {
            "path": self._remote,
            "space": self._space.removeprefix("/spaces/"),
            "modified": format_ns(self._modified_ns),
            "parents": True,
        }
        condition = {"If-None-Match": "*"} if etag is None else {"If-Match": f'"{etag}"'}
        headers = {"Upload-Complete": "?0", "Upload-Length": str(self._size), **condition}
        async with self._client.send("POST", "/uploads", query=query, headers=headers) as response:
            address = response.headers["Location"]
        self._note.write(address)
        self._address, self._offset = address.removeprefix(PREFIX), 0

    async def _locate(self) -> Uploaded | None:
        """Ask how far it is; return what it became if it is complete."""
        try:
            async with self._client.send("HEAD", self._address) as response:
                state, offset = response.headers["Upload-State"], int(response.headers["Upload-Offset"])
            if state == "complete":
                return await self._find()
        except NotFound:
            self._address = ""
            return None
        if state == "finishing":
            await asyncio.sleep(_POLL_SECONDS)
            return None
        self._offset = offset
        self._count(offset)
        return None

    async def _append(self, offset: int) -> Uploaded | None:
        end = min(offset + self._piece_bytes, self._size)
        headers = {
            "Content-Type": "application/partial-upload",
            "Content-Length": str(end - offset),
            "Upload-Offset": str(offset),
            "Upload-Complete": f"?{int(end == self._size)}",
        }
        async with self._client.send(
            "PATCH", self._address, data=self._pieces(offset, end), headers=headers
        ) as response:
            if response.status in {200, 201}:
                return msgspec.json.decode(await response.read(), type=Uploaded)
            self._offset = None if response.status == _ACCEPTED else end
        self._piece_bytes = min(self._piece_bytes * 2, _PIECE_BYTES)
        return None

    async def _find(self) -> Uploaded | None:
        """Return the file that the upload became, if it is still there; else it is sent anew."""
        path = f"{self._space}/entries/{encode_path(self._remote)}"
        entry = await self._client.ask("GET", path, Entry)
        if entry.size != self._size or entry.modified != format_ns(self._modified_ns):
            self._address = ""
            return None
        self._count(self._size)
        return Uploaded(entry, created=True, seq=entry.version or 0, stored_bytes=0, reused_bytes=0)

    async def _pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        with open(self._local, "rb", buffering=0) as file:  # noqa: ASYNC230, PTH123 - opening does not wait; reading is handed off
            file.seek(start)
            while start < end:
                piece = await asyncio.to_thread(file.read, min(_READ_BYTES, end - start))
                if not piece:
                    raise Changed
                yield piece
                start += len(piece)
                self._progress.sent_bytes += len(piece)
                self._count(start)

    def _count(self, offset: int) -> None:
        """Have the progress say that *offset* bytes of this file are done."""
        self._progress.done_bytes += offset - self._counted
        self._counted = offset


def _absolute(local: str) -> str:
    return str(Path(local).absolute())
