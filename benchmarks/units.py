"""Small durable units per second with group commit, beside the same rows committed one by one.

    python benchmarks/units.py [--postgresql URL]

Each unit records one fact; 64 callers wait for theirs to be durable before they ask for the next. The peer is the same
engine with one transaction and one fsync for each row, which is what an application without group commit gets.
"""

import argparse
import asyncio
import importlib
import statistics
import tempfile
import time
from pathlib import Path

import apsw

from cloudconnect.bus import EventLog
from cloudconnect.database import open_database
from cloudconnect.events.files import FolderAdded
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.principal import APPLIANCE

CALLERS = 64
UNITS_EACH = 200
SINGLE_COMMITS = 500
ROUNDS = 5


async def grouped(url: str, home: Path) -> float:
    """Return units per second from 64 callers."""
    database = open_database(url, home)
    database.migrate()
    log = EventLog(database, SystemClock())
    log.start()

    async def call() -> None:
        for _ in range(UNITS_EACH):
            await log.commit(lambda unit: unit.record(FolderAdded(subject="nod_1", space="spc_1")), actor=APPLIANCE)

    started = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(CALLERS)))
    seconds = time.perf_counter() - started
    await log.stop()
    database.close()
    return CALLERS * UNITS_EACH / seconds


def one_by_one(home: Path) -> float:
    """Return commits per second when each row has a transaction of its own."""
    connection = apsw.Connection(str(home / "single.db"))
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE fact (payload TEXT)")
    started = time.perf_counter()
    for _ in range(SINGLE_COMMITS):
        connection.execute('BEGIN IMMEDIATE; INSERT INTO fact VALUES (\'{"subject":"nod_1"}\'); COMMIT')
    seconds = time.perf_counter() - started
    connection.close()
    return SINGLE_COMMITS / seconds


def one_by_one_postgresql(url: str) -> float:
    """Return commits per second on PostgreSQL when each row has a transaction of its own."""
    psycopg = importlib.import_module("psycopg")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS single (payload TEXT)")
        started = time.perf_counter()
        for _ in range(SINGLE_COMMITS):
            connection.execute("INSERT INTO single VALUES (%s)", ('{"subject":"nod_1"}',))
        return SINGLE_COMMITS / (time.perf_counter() - started)


def main() -> None:
    """Measure and print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgresql", help="URL of an empty database to measure as well")
    parser.add_argument("--place", type=Path, help="directory on the disk to measure", default=Path.cwd())
    options = parser.parse_args()
    ours, peer = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=options.place) as place:
            ours.append(asyncio.run(grouped("sqlite:", Path(place))))
            peer.append(one_by_one(Path(place)))
    tell("SQLite", ours, peer)
    if options.postgresql:
        ours = [asyncio.run(grouped(options.postgresql, options.place)) for _ in range(ROUNDS)]
        tell("PostgreSQL", ours, [one_by_one_postgresql(options.postgresql) for _ in range(ROUNDS)])


def tell(engine: str, ours: list[float], peer: list[float]) -> None:
    """Print the medians and their ratio."""
    mine, theirs = statistics.median(ours), statistics.median(peer)
    print(f"{engine}, {CALLERS} callers, group commit".ljust(40) + f"{mine:10.0f} units/s")
    print(f"{engine}, one commit a row".ljust(40) + f"{theirs:10.0f} commits/s   ratio {mine / theirs:.1f}")


if __name__ == "__main__":
    main()
