"""What a chunk costs in the index as it grows: put, found, missed and located, with 100 thousand to 10 million rows.

    python benchmarks/index.py [--place DIR] [--most 10000000] [--batch 1000] [--pieces]

Everything goes through the functions of the engine and the database of the appliance; every batch is one durable
commit. At each mark the rates of the next rows are taken: medians of five runs, on the clock and in processor time.
Between the marks rows come in larger commits, to save time.
"""

import argparse
import asyncio
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cloudconnect.bus import EventLog
from cloudconnect.database import Database, open_database
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.storage import index
from cloudconnect.storage.index import ChunkRow, Place, StoredPack

MARKS = (100_000, 1_000_000, 10_000_000)
PROBED = 10_000
RUNS = 5
ASKED_AT_ONCE = 400
FILLED_AT_ONCE = 50_000
CHUNKS_PER_PACK = 64
AIM = 1.5


class Content(NamedTuple):
    """What the engine would report of a stored file."""

    packs: list[StoredPack]
    chunks: list[ChunkRow]
    reused: tuple[bytes, ...]
    key: bytes
    pieces: tuple[bytes, ...]


class Cost(NamedTuple):
    """Microseconds for each chunk, on the clock and of the processor."""

    wall: float
    cpu: float


class Bench:
    """An index that grows."""

    def __init__(self, database: Database, log: EventLog, *, has_pieces: bool) -> None:
        self.database = database
        self.log = log
        self.has_pieces = has_pieces
        self.rows = 0
        self._dice = random.Random(1)

    def put(self, count: int, batch: int) -> None:
        """Add *count* chunks with a commit for every *batch*."""
        for _ in range(0, count, batch):
            self._settle(self._content(batch))
            self.rows += batch

    def known(self) -> list[bytes]:
        """Return keys of chunks from all over the index."""
        return [self._key(self._dice.randrange(self.rows)) for _ in range(PROBED)]

    def unknown(self) -> list[bytes]:
        """Return keys that no chunk has."""
        return [self._dice.randbytes(16) for _ in range(PROBED)]

    def ask(self, question: Callable[[index.Sql, list[bytes]], object], keys: list[bytes]) -> None:
        """Look *keys* up, some hundred at once as the writer does."""
        for start in range(0, len(keys), ASKED_AT_ONCE):
            self._ask(question, keys[start : start + ASKED_AT_ONCE])

    def _settle(self, content: Content) -> None:
        self.log.commit_now(lambda unit: index.settle(unit.sql, content), actor=APPLIANCE)

    def _ask(self, question: Callable[[index.Sql, list[bytes]], object], keys: list[bytes]) -> None:
        self.database.read_now(lambda sql: question(sql, keys))

    def _content(self, count: int) -> Content:
        rows = range(self.rows, self.rows + count)
        packs = [
            StoredPack(number.to_bytes(32, "big"), bytes(16), 32 << 20)
            for number in range(rows.start // CHUNKS_PER_PACK, (rows.stop - 1) // CHUNKS_PER_PACK + 1)
        ]
        keys = [self._key(row) for row in rows]
        chunks = [
            ChunkRow(key, Place((row // CHUNKS_PER_PACK).to_bytes(32, "big"), row % 64 << 19, 500_000, 520_000))
            for key, row in zip(keys, rows, strict=True)
        ]
        return Content(packs, chunks, (), keys[0], tuple(keys) if self.has_pieces else ())

    @staticmethod
    def _key(row: int) -> bytes:
        return hashlib.sha256(row.to_bytes(8, "big")).digest()[:16]


def cost(act: Callable[[], None]) -> Cost:
    """Return what *act* takes for each of the probed chunks."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return Cost(*(1e6 * taken / PROBED for taken in (time.perf_counter() - wall, time.process_time() - cpu)))


def at_mark(bench: Bench, batch: int) -> Iterator[tuple[str, Cost]]:
    """Yield what a chunk costs now, by what is done with it."""
    taken: dict[str, list[Cost]] = {"put": [], "found": [], "missed": [], "located": []}
    for _ in range(RUNS):
        taken["put"].append(cost(lambda: bench.put(PROBED, batch)))
        known, unknown = bench.known(), bench.unknown()
        taken["found"].append(cost(lambda: bench.ask(index.find, known)))  # noqa: B023 - called at once
        taken["missed"].append(cost(lambda: bench.ask(index.find, unknown)))  # noqa: B023 - called at once
        taken["located"].append(cost(lambda: bench.ask(index.locate, known)))  # noqa: B023 - called at once
    for name, costs in taken.items():
        yield name, Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def measure(bench: Bench, most: int, batch: int, home: Path) -> None:
    """Let the index grow and print a line at each mark."""
    print(f"{'rows':>11} {'':9}{'rows/s':>9}{'µs':>8}{'cpu µs':>8}{'grown':>7}")
    first: dict[str, Cost] = {}
    for mark in (mark for mark in MARKS if mark <= most):
        bench.put(mark - bench.rows, min(FILLED_AT_ONCE, mark))
        for name, now in at_mark(bench, batch):
            before = first.setdefault(name, now)
            print(
                f"{mark:11,} {name:9}{1e6 / now.wall:9,.0f}{now.wall:8.1f}{now.cpu:8.1f}{now.cpu / before.cpu:7.2f}",
                flush=True,
            )
        size = sum(path.stat().st_size for path in home.iterdir()) / bench.rows
        print(f"{mark:11,} resident memory {resident_mib():.0f} MiB, {size:.0f} bytes on disk for each chunk")
    print(f"aim: grown by no more than {AIM}")


def resident_mib() -> float:
    """Return the resident memory of this process, MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def run(options: argparse.Namespace) -> None:
    """Measure in a directory that is removed again."""
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        database = open_database("sqlite:", Path(place))
        database.migrate()
        log = EventLog(database, SystemClock())
        log.start()
        bench = Bench(database, log, has_pieces=options.pieces)
        await asyncio.to_thread(measure, bench, options.most, options.batch, Path(place))
        await log.stop()
        database.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    parser.add_argument("--most", type=int, default=MARKS[-1])
    parser.add_argument("--batch", type=int, default=1_000, help="chunks in one commit")
    parser.add_argument("--pieces", action="store_true", help="each batch is one file, which lists its chunks")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
