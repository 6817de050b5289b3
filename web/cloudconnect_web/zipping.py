"""Files and folders as one ZIP archive that is made while it is sent (APPNOTE 6.3; Zip64 where it is needed).

Nothing is compressed: most of what takes room is so already, and the reader waits for nothing. All of it is of one
moment, whatever changes meanwhile.
"""

import io
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from cloudconnect.assembly import Appliance
from cloudconnect.features.files import Entry
from cloudconnect.features.files.errors import NamedTwice, TooMany
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.vault import SMALL_BYTES

ENTRIES_MOST: Final = 100_000
"""How many files and folders one archive holds: its directory is kept in memory until the end."""

_AT_ONCE = 1_000
_OLDEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)
_TIMESTAMP = struct.Struct("<HHBl")
_TIMESTAMP_ID = 0x5455  # "UT", Info-ZIP's extended timestamp: seconds since 1970, where DOS knows local times only


@dataclass(frozen=True, slots=True)
class Zip:
    """An archive that can be sent: what to call it, and its bytes."""

    name: str
    pieces: AsyncIterator[bytes]


async def open_zip(
    appliance: Appliance, principal: Principal, space: str, paths: Sequence[str], at: str | None = None
) -> Zip:
    """Return what is at *paths*, folders with all below them, now or at the moment *at*.

    Raises:
        NoSuchEntry: nothing is at one of them.
        NamedTwice: two of them have the same name.
        TooMany: more than 100,000 files and folders.
    """
    found = await appliance.spaces.get_space(principal, space)
    moment = at or f"seq:{found.seq}"
    entries = [await appliance.files.get_entry(principal, space, path, moment) for path in paths]
    names = [entry.name or found.name for entry in entries]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise NamedTwice(N_("“{name}” is there twice."), fix=N_("Get them one after the other."), name=twice)
    count = 0
    for entry in entries:
        usage = await appliance.files.measure(principal, space, entry.path, moment)
        count += usage.files + usage.folders + 1
        if count > ENTRIES_MOST:
            raise TooMany(
                N_("An archive holds {most} files and folders at most."),
                fix=N_("Get fewer at a time, or all of them with: cloudconnect get"),
                most=ENTRIES_MOST,
            )
    writing = _Writing(appliance, principal, found.id, moment)
    return Zip(f"{names[0] if len(names) == 1 else found.name}.zip", writing.pieces(entries, names))


class _Sink(io.RawIOBase):
    """Keeps what is written to it until it is taken; an archive cannot go back in it."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "memoryview | bytes", /) -> int:  # type: ignore[override]  # what zipfile hands over
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Archive(ZipFile):
    """An archive that may be broken off in the middle of a file."""

    def __del__(self) -> None:
        # The one of the library would try to end what nobody reads any more.
        pass


class _Writing:
    """One archive on its way."""

    def __init__(self, appliance: Appliance, principal: Principal, space: str, at: str) -> None:
        self._appliance = appliance
        self._principal = principal
        self._space = space
        self._at = at
        self._sink = _Sink()
        self._archive = _Archive(self._sink, "w", ZIP_STORED)

    async def pieces(self, entries: Sequence[Entry], names: Sequence[str]) -> AsyncIterator[bytes]:
        """Yield the archive of *entries*, which are called *names* in it."""
        for entry, name in zip(entries, names, strict=True):
            async for piece in self._add(entry, name):
                yield piece
        self._archive.close()
        yield self._sink.take()

    async def _add(self, entry: Entry, name: str) -> AsyncIterator[bytes]:
        if not entry.is_folder:
            async for piece in self._add_file(entry, name):
                yield piece
            return
        self._add_folder(entry, name)
        above, cursor = len(entry.path.rstrip("/")), None
        while True:
            page = await self._appliance.files.find_descendants(
                self._principal, self._space, entry.path, at=self._at, limit=_AT_ONCE, cursor=cursor
            )
            named = [(each, name + each.path[above:]) for each in page.items]
            async for piece in self._add_many(named):
                yield piece
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _add_many(self, named: Sequence[tuple[Entry, str]]) -> AsyncIterator[bytes]:
        for entry, name in (pair for pair in named if pair[0].is_folder):
            self._add_folder(entry, name)
        async for piece in self._add_small([pair for pair in named if _is_small(pair[0])]):
            yield piece
        for entry, name in named:
            if not entry.is_folder and not _is_small(entry):
                async for piece in self._add_file(entry, name):
                    yield piece

    async def _add_small(self, small: Sequence[tuple[Entry, str]]) -> AsyncIterator[bytes]:
        opened = await self._appliance.files.open_files(
            self._principal, self._space, [entry.node for entry, _ in small], self._at
        )
        for outcome in opened.outcomes:
            if isinstance(outcome, CloudConnectError):
                raise outcome
        async for portion in opened.read():
            for place, raw in portion:
                if isinstance(raw, CloudConnectError):
                    raise raw
                self._archive.writestr(_info(*small[place]), raw)
            yield self._sink.take()

    async def _add_file(self, entry: Entry, name: str) -> AsyncIterator[bytes]:
        opened = await self._appliance.files.open_file(self._principal, self._space, entry.path, self._at)
        info = _info(entry, name)
        with self._archive.open(info, "w") as member:
            if entry.size:
                async for piece in opened.read(0, None):
                    member.write(piece)
                    yield self._sink.take()
        yield self._sink.take()

    def _add_folder(self, entry: Entry, name: str) -> None:
        self._archive.writestr(_info(entry, f"{name}/"), b"")


def _is_small(entry: Entry) -> bool:
    return not entry.is_folder and (entry.size or 0) <= SMALL_BYTES


def _info(entry: Entry, name: str) -> ZipInfo:
    modified = datetime.fromtimestamp(entry.modified_ns // 1_000_000_000, UTC)
    told = min(max(modified, _OLDEST), _LATEST)
    info = ZipInfo(name, told.timetuple()[:6])
    info.create_system = 3  # Unix, whose permissions the upper half of the attributes holds
    info.external_attr = (0o40755 << 16 | 0x10) if entry.is_folder else 0o100644 << 16
    info.file_size = entry.size or 0
    seconds = int(modified.timestamp())
    if -(1 << 31) <= seconds < 1 << 31:
        info.extra = _TIMESTAMP.pack(_TIMESTAMP_ID, 5, 1, seconds)
    return info
