"""Getting files and folders of a space, with the manners of ``cp -r``."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from cloudconnect.client.connection import Client, Pauses, encode_path
from cloudconnect.client.gathering import SMALL_BYTES, Gathering, Wanted, batches
from cloudconnect.client.progress import Failure, Progress
from cloudconnect.kernel.clock import parse_ns
from cloudconnect.kernel.errors import CloudConnectError, Conflict, Damaged
from cloudconnect.kernel.text import N_
from cloudconnect.wire.files import Entry

AT_ONCE = 8
_TOGETHER_AT_ONCE = 3
_FEWEST_TOGETHER = 2
_PIECE_BYTES = 1 << 20
_UNSAFE = "the server calls it by a name that would leave its folder"


class Download:
    """One run of ``get``. What is here already, by size and time of modification, is not fetched again.

    A file grows beside its place under a name that holds its version, so that a broken download goes on where it broke,
    and takes its place only once its SHA-256 is right.
    """

    def __init__(self, client: Client, space: str, at: str | None = None) -> None:
        self._client = client
        self._space = f"/spaces/{space}"
        self._at = at
        self.progress = Progress()
        self._gathering = Gathering(client, self._space, at, self.progress)

    async def run(self, sources: list[str], target: str | Path) -> None:
        """Get *sources* to the local path *target*.

        A source goes into *target* if that is a folder here, else becomes it; several sources need a folder, and so
        does a file whose target ends with a slash.

        Raises:
            NotFound: a source does not exist.
            Conflict: *target* is no folder, and has to be one, or two sources would become the same there.
        """
        if len(sources) > 1 and not Path(target).is_dir():
            raise _no_folder(target)
        wanted: list[Wanted] = []
        folders: list[tuple[Path, int]] = []
        taken: dict[Path, str] = {}
        for source in sources:
            path = f"{self._space}/entries/{encode_path(source)}"
            entry = await self._client.ask("GET", path, Entry, query={"at": self._at})
            if entry.name and not _is_safe(entry.name):
                self._fail(entry.path, _UNSAFE, "client.unsafe-name")
                continue
            local = _place(entry, target)
            if local in taken:
                if taken[local] != entry.path:
                    raise _same_name(entry.path, taken[local])
                continue
            taken[local] = entry.path
            if entry.kind == "file":
                self._want(entry, local, wanted)
            else:
                await self._list(entry, local, wanted, folders)
        self.progress.is_found = True
        await self._fetch_all(wanted)
        for local, modified_ns in reversed(folders):
            os.utime(local, ns=(modified_ns, modified_ns))

    async def _list(self, top: Entry, local: Path, wanted: list[Wanted], folders: list[tuple[Path, int]]) -> None:
        local.mkdir(parents=True, exist_ok=True)
        if top.name:
            folders.append((local, parse_ns(top.modified)))
        prefix = len(top.path.rstrip("/")) + 1
        tree = f"{self._space}/tree/{encode_path(top.path)}"
        async for entry in self._client.list(tree, Entry, query={"at": self._at}):
            names = entry.path[prefix:].split("/")
            if not all(_is_safe(name) for name in names):
                self._fail(entry.path, _UNSAFE, "client.unsafe-name")
                continue
            place = local.joinpath(*names)
            if entry.kind == "file":
                self._want(entry, place, wanted)
                continue
            self.progress.folders += 1
            try:
                place.mkdir(exist_ok=True)
                folders.append((place, parse_ns(entry.modified)))
            except OSError as error:
                self._fail(entry.path, error.strerror or str(error), "local")

    def _want(self, entry: Entry, local: Path, wanted: list[Wanted]) -> None:
        self.progress.files += 1
        self.progress.bytes += entry.size or 0
        wanted.append(Wanted(entry, local))

    async def _fetch_all(self, wanted: list[Wanted]) -> None:
        """Get what is not here yet: small files many at a time, the others, and what that left over, one by one."""
        small: list[Wanted] = []
        single: list[Wanted] = []
        for each in wanted:
            if _is_here(each):
                self.progress.skipped_files += 1
                self.progress.done_files += 1
                self.progress.done_bytes += each.entry.size or 0
            else:
                (small if (each.entry.size or 0) <= SMALL_BYTES else single).append(each)
        if len(small) < _FEWEST_TOGETHER:
            single, small = single + small, []
        portions, queue = batches(small), iter(single)
        left = await asyncio.gather(
            *(self._work_together(portions) for _ in range(_TOGETHER_AT_ONCE)),
            *(self._work(queue) for _ in range(min(AT_ONCE, len(single)))),
        )
        queue = iter([each for part in left for each in part])
        await asyncio.gather(*(self._work(queue) for _ in range(AT_ONCE)))

    async def _work_together(self, portions: Iterator[list[Wanted]]) -> list[Wanted]:
        return [each for batch in portions for each in await self._gathering.fetch(batch)]

    async def _work(self, queue: Iterator[Wanted]) -> list[Wanted]:
        for each in queue:
            try:
                await self._fetch(each)
                self.progress.done_files += 1
            except CloudConnectError as refusal:
                self._fail(each.entry.path, str(refusal), refusal.code)
            except OSError as error:
                self._fail(each.entry.path, error.strerror or str(error), "local")
        return []

    async def _fetch(self, wanted: Wanted) -> None:
        entry, local, part = wanted.entry, wanted.local, wanted.part
        before = self.progress.done_bytes
        later = Pauses()
        while True:
            self.progress.done_bytes = before
            try:
                await self._fetch_once(entry, part)
                break
            except CloudConnectError as refusal:
                if not await later.wait(refusal):
                    raise
        modified_ns = parse_ns(entry.modified)
        os.utime(part, ns=(modified_ns, modified_ns))
        await asyncio.to_thread(_sync, part)
        part.replace(local)

    async def _fetch_once(self, entry: Entry, part: Path) -> None:
        digest = hashlib.sha256()
        with part.open("ab+", buffering=0) as file:
            file.seek(0)
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
            have = file.tell()
            if have < (entry.size or 0):
                headers = {"Range": f"bytes={have}-", "If-Range": f'"{entry.etag}"'} if have else {}
                path = f"{self._space}/content/{encode_path(entry.path)}"
                async with self._client.send("GET", path, query={"at": self._at}, headers=headers) as response:
                    if have and response.status != 206:  # noqa: PLR2004 - the server sends all of it again
                        file.truncate(0)
                        digest, have = hashlib.sha256(), 0
                    self.progress.done_bytes += have
                    async for piece in response.content.iter_any():
                        file.write(piece)
                        digest.update(piece)
                        self.progress.sent_bytes += len(piece)
                        self.progress.done_bytes += len(piece)
        if digest.hexdigest() != entry.sha256:
            part.unlink()
            raise Damaged(N_("“{path}” did not arrive as it was stored."), fix=N_("Try again."), path=entry.path)

    def _fail(self, path: str, detail: str, code: str) -> None:
        self.progress.failures.append(Failure(path, detail, code))


def _place(entry: Entry, target: str | Path) -> Path:
    """Return where *entry* comes to be: in *target* if that is a folder here, else in its place."""
    local = Path(target)
    if local.is_dir() and entry.name:
        return local / entry.name
    if entry.kind == "file" and os.fspath(target).endswith("/"):
        raise _no_folder(target)
    return local


def _no_folder(path: str | Path) -> Conflict:
    return Conflict(N_("“{path}” is not a folder."), fix=N_("Make it first: mkdir"), path=str(path))


def _same_name(path: str, other: str) -> Conflict:
    return Conflict(
        N_("“{path}” and “{other}” have the same name."), fix=N_("Get them into two folders."), path=path, other=other
    )


def _sync(path: Path) -> None:
    """Have *path* on the disk: a rename that outlives a power failure must not show an empty file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_safe(name: str) -> bool:
    """Tell whether *name* stays in its folder here, whatever a server that cannot be trusted calls its files."""
    return name not in {"", ".", ".."} and not {"/", "\\", "\0"} & set(name)


def _is_here(wanted: Wanted) -> bool:
    try:
        facts = wanted.local.lstat()
    except OSError:
        return False
    return facts.st_size == wanted.entry.size and facts.st_mtime_ns == parse_ns(wanted.entry.modified)
