"""A backup program over the engine alone, as small as can be: what the benchmark of the engine runs and measures.

    python benchmarks/backup.py init|backup|restore HOME DIRECTORY

It walks a directory, leaves out what has kept its size and time of modification, stores the rest and commits the index
and its list of files durably for each batch, as the daemon does for each request. A restore brings back the newest
state of every file. Names, times and modes are not its business, nor are links.
"""

import asyncio
import ctypes
import gc
import io
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, cycle
from pathlib import Path
from typing import NamedTuple

from cloudconnect.bus import EventLog
from cloudconnect.bus.unit import Unit
from cloudconnect.database import open_database
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.storage import index, manifest
from cloudconnect.storage.aio import SMALL_BYTES
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.ingest import Ingest, StoredContent
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.reader import Window
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.slots import KeyFileSlot

SPACE = bytes(range(16))
THREADS = os.cpu_count() or 1
BATCH_BYTES = 8 << 20
BATCH_FILES = 1_024
PIECE_BYTES = 4 << 20
AHEAD = 3
MALLOPT = {-3: 32 << 20, -1: 256 << 20, -8: 1}  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX
TABLE = (
    "CREATE TABLE IF NOT EXISTS benchmark_file"
    " (path TEXT PRIMARY KEY, size INTEGER, modified_ns INTEGER, manifest BLOB) WITHOUT ROWID"
)


class Found(NamedTuple):
    """A file on its way in."""

    path: str
    name: str
    size: int
    modified_ns: int


class Batch(NamedTuple):
    """Files whose content is on its way to disk, in one ingest."""

    files: list[Found]
    ingest: Ingest
    content: Future[StoredContent]


class House:
    """An engine with its database, open."""

    def __init__(self, home: Path) -> None:
        self.keyring = Keyring.open(home / "keyring.db", KeyFileSlot(home / "key"))
        self.database = open_database("sqlite:", home)
        self.log = EventLog(self.database, SystemClock())
        self.repository = Repository(
            home,
            LocalBackend(home, Health()),
            self.keyring,
            find=lambda keys: self.database.read_now(lambda sql: index.find(sql, keys)),
            locate=lambda keys: self.database.read_now(lambda sql: index.locate(sql, keys)),
            health=Health(),
            floor=Floor(home),
        )
        self.pool = ThreadPoolExecutor(THREADS)
        # Two threads that both run Python for small files spend more on taking turns than they gain.
        self.small = ThreadPoolExecutor(1)

    def backup(self, source: str) -> None:
        """Store what is new below *source*."""
        known = {path: rest for path, *rest in self.database.read_now(lambda sql: sql.rows(_FILES))}
        new = (file for file in walk(source) if known.get(file.name) != [file.size, file.modified_ns])
        waiting: deque[Future[Batch]] = deque()
        for files in batches(new):
            if len(files) == 1 and files[0].size > SMALL_BYTES:
                done: Future[Batch] = Future()
                done.set_result(self._store_large(files[0]))
            else:
                done = self.small.submit(self._store_small, files)
            waiting.append(done)
            if len(waiting) > THREADS:
                self._commit(waiting.popleft().result())
        for each in waiting:
            self._commit(each.result())

    def restore(self, target: Path) -> None:
        """Write every file below *target*."""
        rows = self.database.read_now(
            lambda sql: sql.rows("SELECT path, size, manifest FROM benchmark_file ORDER BY path")
        )
        for folder in {path.rpartition("/")[0] for path, _, _ in rows}:
            (target / folder).mkdir(parents=True, exist_ok=True)
        small = [row for row in rows if row[1] <= SMALL_BYTES and not manifest.is_tree(row[2])]
        jobs = [
            self.small.submit(self._restore_small, target, small[start : start + BATCH_FILES])
            for start in range(0, len(small), BATCH_FILES)
        ]
        for path, _, content in (row for row in rows if row[1] > SMALL_BYTES or manifest.is_tree(row[2])):
            self._restore_large(target / path, content)
        for job in jobs:
            job.result()

    def _store_small(self, files: list[Found]) -> Batch:
        writer = self.repository.writer
        ingest = writer.begin(SPACE)
        writer.store(ingest.take([read(file) for file in files]))
        return Batch(files, ingest, writer.finish_many(ingest))

    def _store_large(self, file: Found) -> Batch:
        writer = self.repository.writer
        ingest = writer.begin(SPACE)
        stores: deque[Future[None]] = deque()
        with Path(file.path).open("rb", buffering=0) as stream:
            # Fresh buffers would cost more in page faults than the copy out of the page cache.
            buffers = cycle([memoryview(bytearray(PIECE_BYTES)) for _ in range(AHEAD + 3)])
            piece = fill(stream, next(buffers))
            while piece:
                following = fill(stream, next(buffers))
                cuts = ingest.cut([piece], is_last=not following)  # type: ignore[list-item]  # any buffer serves
                stores.append(self.pool.submit(writer.store, cuts))
                if len(stores) > AHEAD:
                    stores.popleft().result()
                piece = following
        for store in stores:
            store.result()
        return Batch([file], ingest, writer.finish(ingest))

    def _commit(self, batch: Batch) -> None:
        content = batch.content.result()
        # What finish_many answers has no manifest: each file is one chunk and has its own.
        manifests = (
            [content.manifest] if content.manifest else [manifest.write_one(each) for each in batch.ingest.entries]
        )
        files = [
            (file.name, file.size, file.modified_ns, each) for file, each in zip(batch.files, manifests, strict=True)
        ]

        def change(unit: Unit) -> None:
            index.settle(unit.sql, content)
            unit.sql.execute_many("INSERT OR REPLACE INTO benchmark_file VALUES (?, ?, ?, ?)", files)

        self.log.commit_now(change, actor=APPLIANCE)

    def _restore_small(self, target: Path, rows: list[tuple[str, int, bytes]]) -> None:
        reader = self.repository.reader
        keys = self.keyring.domain(SPACE)
        pieces = [next(manifest.pieces(content, _no_node, 0, size), None) for _, size, content in rows]
        wanted = [piece for piece in pieces if piece is not None]
        places = reader.places([piece.content_id for piece in wanted])
        raws = reader.chunks(keys, Window(wanted, places)) if wanted else {}
        for (path, _, _), piece in zip(rows, pieces, strict=True):
            write(f"{target}/{path}", [raws[piece.content_id]] if piece else [])

    def _restore_large(self, path: Path, content: bytes) -> None:
        reading = self.repository.reader.open(SPACE, content)
        fetches: deque[Future[list[bytes]]] = deque()
        windows = iter(reading.next_window, None)
        with path.open("wb", buffering=0) as file:
            for window in chain(windows, [None] * (AHEAD + 1)):
                if window is not None:
                    fetches.append(self.pool.submit(reading.fetch, window))
                if fetches and (window is None or len(fetches) > AHEAD):
                    os.writev(file.fileno(), fetches.popleft().result())


_FILES = "SELECT path, size, modified_ns FROM benchmark_file"


def walk(place: str, prefix: str = "") -> Iterator[Found]:
    """Yield the regular files below *place*, in the order of their names."""
    with os.scandir(place) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(entry.path, f"{prefix}{entry.name}/")
        elif entry.is_file(follow_symlinks=False):
            facts = entry.stat(follow_symlinks=False)
            yield Found(entry.path, prefix + entry.name, facts.st_size, facts.st_mtime_ns)


def batches(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Yield large files alone and small ones many at once."""
    batch: list[Found] = []
    size = 0
    for file in files:
        if file.size > SMALL_BYTES:
            yield [file]
            continue
        batch.append(file)
        size += file.size
        if len(batch) == BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def fill(stream: io.FileIO, buffer: memoryview) -> memoryview:
    """Return as much of *buffer* as the next bytes fill."""
    return buffer[: stream.readinto(buffer)]


def read(file: Found) -> bytes:
    """Return what the file holds."""
    descriptor = os.open(file.path, os.O_RDONLY)
    try:
        return os.read(descriptor, file.size)
    finally:
        os.close(descriptor)


def write(path: str, pieces: list[bytes]) -> None:
    """Make the file *path*."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        for piece in pieces:
            os.write(descriptor, piece)
    finally:
        os.close(descriptor)


def init(home: Path) -> None:
    """Make an empty store."""
    home.mkdir(parents=True)
    keyring, _ = Keyring.create(home / "keyring.db", KeyFileSlot(home / "key"))
    keyring.add_domain(SPACE)
    keyring.close()
    database = open_database("sqlite:", home)
    database.migrate()
    database.close()


async def work(command: str, home: Path, place: Path) -> None:
    """Back up or restore."""
    house = House(home)
    house.log.start()
    await house.log.commit(lambda unit: unit.sql.execute(TABLE), actor=APPLIANCE)
    if command == "backup":
        await asyncio.to_thread(house.backup, str(place))
    else:
        await asyncio.to_thread(house.restore, place)
    house.pool.shutdown()
    house.small.shutdown()
    await house.log.stop()
    house.repository.close()
    house.database.close()
    house.keyring.close()


def _no_node(_: bytes) -> bytes:
    raise ValueError("a content of one chunk has no nodes")


def main() -> None:
    """Do what the command line says."""
    # The allocator gives memory of large chunks back at once, which costs a page fault for each page; see mallopt(3).
    for parameter, value in MALLOPT.items():
        ctypes.CDLL(None).mallopt(parameter, value)
    # What a backup keeps is not garbage, and looking for some of it thousands of times took a fifth of the processor.
    gc.set_threshold(50_000, 20, 100)
    command, home, place = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if command == "init":
        init(home)
    else:
        asyncio.run(work(command, home, place))


if __name__ == "__main__":
    main()
