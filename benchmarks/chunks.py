"""What a chunk costs as a whole, stored and read, while the index grows from 100 thousand rows to 10 million.

    python benchmarks/chunks.py [--place DIR] [--most 10000000]

The rows come from ``index.py``, which tells what each costs in the index alone; their packs are nowhere. What is
measured at each mark are contents that come besides: cut, named, compressed, sealed and durable in packs and index, and
read back. Small ones have 4 KiB, 400 in a batch; large ones are chunks of a stream of 64 MiB. Medians of five runs, on
the clock and in processor time.
"""

import argparse
import asyncio
import gc
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

from index import FILLED_AT_ONCE, MARKS, Bench, Cost

from cloudconnect.adapters.allocator import keep_large_memory
from cloudconnect.bus import EventLog
from cloudconnect.database import open_database
from cloudconnect.kernel.clock import SystemClock, to_ms
from cloudconnect.kernel.ids import SpaceId, id_bytes, new_id
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.storage import index
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.ingest import StoredContent
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.slots import KeyFileSlot

RUNS = 5
SMALL_BYTES = 4_096
SMALL_AT_ONCE = 400
SMALL_COUNT = 4_000
LARGE_BYTES = 64 << 20
PIECE_BYTES = 1 << 20


class House:
    """An engine with its database, open, and an index that grows."""

    def __init__(self, home: Path) -> None:
        self.space = SpaceId(new_id("spc", to_ms(SystemClock().now())))
        self.keyring, _ = Keyring.create(home / "keyring.db", KeyFileSlot(home / "key"))
        self.keyring.add_domain(id_bytes(self.space))
        self.database = open_database("sqlite:", home)
        self.database.migrate()
        self.log = EventLog(self.database, SystemClock())
        self.log.start()
        self.repository = Repository(
            home,
            LocalBackend(home, Health()),
            self.keyring,
            find=lambda keys: self.database.read_now(lambda sql: index.find(sql, keys)),
            locate=lambda keys: self.database.read_now(lambda sql: index.locate(sql, keys)),
            health=Health(),
            floor=Floor(home),
        )
        self.vault = Vault(self.repository)
        self.bench = Bench(self.database, self.log, has_pieces=False)

    async def store_small(self, contents: list[bytes]) -> list[bytes]:
        """Store small *contents* and return what leads to each."""
        manifests: list[bytes] = []
        for start in range(0, len(contents), SMALL_AT_ONCE):
            batch = await self.vault.write_many(self.space, contents[start : start + SMALL_AT_ONCE])
            await self.log.commit(lambda unit: self.vault.settle(unit.sql, self.space, batch), actor=APPLIANCE)  # noqa: B023 - called at once
            manifests += [content.manifest for content in batch.contents]
        return manifests

    async def store_large(self, pieces: list[bytes]) -> StoredContent:
        """Store *pieces* as one stream."""

        async def stream() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        content = await self.vault.write(self.space, stream())
        await self.log.commit(lambda unit: self.vault.settle(unit.sql, self.space, content), actor=APPLIANCE)
        return content

    async def read(self, manifests: list[bytes]) -> None:
        """Read contents to their end."""
        for manifest in manifests:
            async for _ in self.vault.read(self.space, manifest, 0, None):
                pass

    async def close(self) -> None:
        """Close everything."""
        await self.vault.close()
        await self.log.stop()
        self.database.close()
        self.keyring.close()


async def measure(house: House) -> dict[str, Cost]:
    """Return what a chunk costs now, by what is done with it."""
    taken: dict[str, list[Cost]] = {}

    async def cost(name: str, count: int, act: Awaitable[object]) -> object:
        wall, cpu = time.perf_counter(), time.process_time()
        done = await act
        spent = (time.perf_counter() - wall, time.process_time() - cpu)
        taken.setdefault(name, []).append(Cost(*(1e6 * each / count for each in spent)))
        return done

    for _ in range(RUNS):
        contents = [os.urandom(SMALL_BYTES) for _ in range(SMALL_COUNT)]
        pieces = [os.urandom(PIECE_BYTES) for _ in range(LARGE_BYTES // PIECE_BYTES)]
        small = await cost("4 KiB stored", SMALL_COUNT, house.store_small(contents))
        assert isinstance(small, list)
        await cost("4 KiB read", SMALL_COUNT, house.read(small))
        large = await cost("1 MiB stored", LARGE_BYTES >> 20, house.store_large(pieces))
        assert isinstance(large, StoredContent)
        await cost("1 MiB read", LARGE_BYTES >> 20, house.read([large.manifest]))
    return {
        name: Cost(*(statistics.median(column) for column in zip(*costs, strict=True))) for name, costs in taken.items()
    }


async def run(options: argparse.Namespace) -> None:
    """Measure in a directory that is removed again."""
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        house = House(Path(place))
        first: dict[str, Cost] = {}
        print(f"{'rows':>11} {'':14}{'µs':>9}{'cpu µs':>9}{'grown':>7}")
        for mark in (mark for mark in MARKS if mark <= options.most):
            await asyncio.to_thread(house.bench.put, mark - house.bench.rows, min(FILLED_AT_ONCE, mark))
            for name, now in (await measure(house)).items():
                before = first.setdefault(name, now)
                print(f"{mark:11,} {name:14}{now.wall:9.1f}{now.cpu:9.1f}{now.cpu / before.cpu:7.2f}", flush=True)
        await house.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    parser.add_argument("--most", type=int, default=MARKS[-1])
    # As the daemon does: memory of large chunks is kept, and garbage looked for rarely.
    keep_large_memory()
    gc.set_threshold(50_000, 10, 10)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
