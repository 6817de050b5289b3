"""What it takes to tell what a folder takes and what deleting it would free, in a store of 10 million chunks.

    python benchmarks/accounting.py [--place DIR] [--chunks 10000000] [--url postgresql://…]

The store is made of rows alone: files of a hundred chunks each, whose keys lie scattered over the index, in folders of
a thousand, ten thousand and a hundred thousand chunks and one that holds the rest. Every tenth chunk of the small
folders is part of a file in the large one too. Each answer is checked against what is known; times are medians of five.
On PostgreSQL it needs an empty database.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from cloudconnect.bus import EventLog
from cloudconnect.database import Database, open_database
from cloudconnect.features.files.models import Entry, Footprint
from cloudconnect.features.files.store import usage
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.ids import NodeId, SpaceId, id_bytes, new_id
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.sql import Sql

CHUNKS_PER_FILE = 100
LENGTH = 500_000
ROOT_LENGTH = 4_000
SHARED = 10
FOLDERS = {"small": 10, "middle": 100, "large": 1_000}
AIM_SECONDS = 1.0
RUNS = 5

_SQLITE = {
    "numbers": "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})",
    "chunk": "unhex(printf('%016x%016x', n.i, 1))",
    "content": "unhex(printf('ff%014x%016x', {file}, 2))",
    "node": "printf('nod_%d', {file})",
    "bytes": "x'{hex}'",
}
_POSTGRESQL = {
    "numbers": "WITH n (i) AS (SELECT generate_series(0, {count} - 1))",
    "chunk": "decode(lpad(to_hex(n.i), 16, '0') || lpad('1', 16, '0'), 'hex')",
    "content": "decode('ff' || lpad(to_hex({file}), 14, '0') || lpad('2', 16, '0'), 'hex')",
    "node": "'nod_' || ({file})",
    "bytes": "'\\x{hex}'::bytea",
}


class Store:
    """The rows of a large store."""

    def __init__(self, database: Database, log: EventLog, chunks: int) -> None:
        self.database = database
        self.log = log
        self.files = chunks // CHUNKS_PER_FILE
        self.chunks = self.files * CHUNKS_PER_FILE
        self.space = SpaceId(new_id("spc", 0))
        self._words = _SQLITE if database.name == "sqlite" else _POSTGRESQL

    def fill(self) -> None:
        """Add all rows; indexes that would fill at random are made afterwards."""
        self._change("DROP INDEX piece_content")
        self._change("DROP INDEX chunk_pack")
        file = f"n.i % {self.files}"
        chunk, content = self._words["chunk"], self._words["content"].format(file=file)
        self._add(
            "pack (number, id, domain, size, state)",
            f"n.i + 1, {chunk}, {self._words['bytes'].format(hex=id_bytes(self.space).hex())}, {64 * LENGTH}, 'live'",
            self.chunks // 64 + 1,
        )
        self._add("chunk (key, pack, position, length, raw_length)", f"{chunk}, n.i / 64 + 1, 0, {LENGTH}, {LENGTH}")
        self._add("piece (chunk, content)", f"{chunk}, {content}")
        root = self._words["content"].format(file="n.i")
        self._add(
            "chunk (key, pack, position, length, raw_length)",
            f"{root}, n.i / 64 + 1, 0, {ROOT_LENGTH}, {ROOT_LENGTH}",
            self.files,
        )
        self._add("piece (chunk, content)", f"{root}, {root}", self.files)
        other = self._words["content"].format(file=self.files - 1)
        # Of every small folder's file, the chunks of each tenth round are shared.
        self._add(
            "piece (chunk, content)",
            f"{chunk}, {other}",
            self.chunks,
            f"WHERE n.i % {self.files} < {self._small} AND n.i / {self.files} % {SHARED} = 0",
        )
        self._change("CREATE INDEX piece_content ON piece (content)")
        self._change("CREATE INDEX chunk_pack ON chunk (pack, length)")
        self._add_tree(root)
        if self.database.name == "postgresql":
            self._change("ANALYZE")

    @property
    def _small(self) -> int:
        return sum(FOLDERS.values())

    def _add_tree(self, content: str) -> None:
        node, size = self._words["node"].format(file="n.i"), CHUNKS_PER_FILE * LENGTH
        edges, names, start = [], ("small", "middle", "large"), 0
        for name in names:
            start += FOLDERS[name]
            edges.append(f"WHEN n.i < {start} THEN '{name}'")
        tree = self._words["bytes"].format(hex="02")
        parent = f"CASE {' '.join(edges)} ELSE 'rest' END"
        self._add(
            "version (node, seq, size, sha256, media_type, manifest, content, author, created_ms)",
            f"{node}, 1, {size}, {tree}, '', {tree}, {content}, '', 0",
            self.files,
        )
        columns = "entry (node, from_seq, to_seq, space, parent, name, version, modified_ns)"
        self._add(columns, f"{node}, 1, NULL, '{self.space}', {parent}, {node}, 1, 0", self.files)
        for folder in (*names, "rest"):
            self._change(
                f"INSERT INTO {columns} VALUES ('{folder}', 1, NULL, '{self.space}', 'top', '{folder}', NULL, 0)"
            )

    def _add(self, table: str, values: str, count: int | None = None, where: str = "") -> None:
        numbers = self._words["numbers"].format(count=self.chunks if count is None else count)
        # SQLite and PostgreSQL both take the names of the numbers in front of the answer.
        self._change(f"INSERT INTO {table} {numbers} SELECT {values} FROM n {where}")

    def _change(self, statement: str) -> None:
        self.log.commit_now(lambda unit: unit.sql.execute(statement), actor=APPLIANCE)


def ask(store: Store, folder: str) -> Footprint:
    """Return what *folder* takes."""
    parent = None if folder == "top" else NodeId("top")
    top = Entry(NodeId(folder), parent, folder, f"/{folder}", 0, 1, None, None, None, None)

    def find(sql: Sql) -> Footprint:
        return usage.find_footprint(sql, store.space, top)

    return store.database.read_now(find)


def measure(store: Store) -> None:
    """Fill the store and print what each answer takes."""
    begun = time.perf_counter()
    store.fill()
    print(f"{store.chunks:,} chunks of {store.files:,} files, made in {time.perf_counter() - begun:.0f} s")
    print(f"{'chunks':>10}{'ms':>10}{'µs a chunk':>12}{'cpu µs':>8}")
    for folder, files in FOLDERS.items():
        times, cpu_times = [], []
        for _ in range(RUNS):
            begun, cpu_begun = time.perf_counter(), time.process_time()
            found = ask(store, folder)
            times.append(time.perf_counter() - begun)
            cpu_times.append(time.process_time() - cpu_begun)
        check(found, files)
        taken, cpu, chunks = statistics.median(times), statistics.median(cpu_times), files * CHUNKS_PER_FILE
        is_late = "  over the aim" if taken > AIM_SECONDS else ""
        rates = f"{1e6 * taken / chunks:12.2f}{1e6 * cpu / chunks:8.2f}"
        print(f"{chunks:10,}{1e3 * taken:10.1f}{rates}{is_late}", flush=True)
    begun = time.perf_counter()
    ask(store, "top")
    print(f"the whole space: {time.perf_counter() - begun:.1f} s")


def check(found: Footprint, files: int) -> None:
    """Return if *found* is what a folder of so many *files* takes."""
    chunks = files * CHUNKS_PER_FILE
    expected = (
        chunks * LENGTH,
        chunks * LENGTH + files * ROOT_LENGTH,
        (chunks - chunks // SHARED) * LENGTH + files * ROOT_LENGTH,
    )
    if (found.logical_bytes, found.stored_bytes, found.freed_bytes) != expected:
        raise SystemExit(f"wrong: {found}, not {expected}")


async def run(options: argparse.Namespace) -> None:
    """Measure in a directory that is removed again."""
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        database = open_database(options.url, Path(place))
        database.migrate()
        log = EventLog(database, SystemClock())
        log.start()
        await asyncio.to_thread(measure, Store(database, log, options.chunks))
        await log.stop()
        database.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    parser.add_argument("--chunks", type=int, default=10_000_000)
    parser.add_argument("--url", default="sqlite:")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
