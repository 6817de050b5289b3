"""A repository with versions that hold contents, and a clock that a test moves."""

import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cloudconnect.kernel.clock import HeldClock, to_ms
from cloudconnect.storage import damage, index
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.gc import Gc, GcOptions
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.slots import KeyFileSlot
from cloudconnect.storage.writer import WriterOptions
from tests.storage.sqlite_index import SqliteIndex

SPACE = bytes(16)
SMALL_PACKS = WriterOptions(pack_bytes=1 << 20, average_bytes=256 << 10)


class Quiet:
    """A progress that nobody watches."""

    def __init__(self):
        self.checkpoint = ""

    def keep(self, checkpoint):
        self.checkpoint = checkpoint

    def report(self, done, total, note=""):
        pass

    def check(self):
        pass


class Versions:
    """The versions that hold contents (``storage.gc.Holder``)."""

    def find_held(self, sql, keys):
        marks = ", ".join("?" * len(keys))
        return {row[0] for row in sql.rows(f"SELECT content FROM version WHERE content IN ({marks})", keys)}

    def find_unlisted(self, sql, after, limit):
        rows = sql.rows(
            "SELECT content, manifest FROM version v WHERE content > ? AND manifest >= x'02'"
            " AND NOT EXISTS (SELECT 1 FROM piece p WHERE p.content = v.content) ORDER BY content LIMIT ?",
            (after, limit),
        )
        return [(row[0], SPACE, row[1]) for row in rows]


@dataclass
class House:
    """A repository with versions, and a clock that a test moves."""

    repository: Repository
    index: SqliteIndex
    backend: MemoryBackend
    clock: HeldClock
    contents: dict = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def read(self, ask):
        with self.index.transaction() as sql:
            return ask(sql)

    def write(self, change):
        with self.index.transaction() as sql:
            return change(sql, to_ms(self.clock.now()))

    def wait(self, seconds):
        self.clock.advance(timedelta(seconds=seconds))

    def put(self, name, data):
        content = self.repository.write(SPACE, [data])

        def change(sql, now_ms):
            index.settle(sql, content)
            sql.execute("INSERT OR REPLACE INTO version VALUES (?, ?, ?)", (name, content.manifest, content.key))

        self.write(change)
        self.contents[name] = (content.manifest, data)

    def delete(self, name):
        self.write(lambda sql, _: sql.execute("DELETE FROM version WHERE name = ?", (name,)))
        return self.contents.pop(name)

    def get(self, name):
        return b"".join(self.repository.read(SPACE, self.contents[name][0]))

    def collector(self, **options):
        return Gc(self.repository, self, [Versions()], GcOptions(pack_bytes=1 << 20, **options))

    def collect(self, **options):
        return self.collector(**options).run({}, Quiet())

    def collect_all(self):
        self.collect(grace_seconds=1)
        self.wait(2)
        return self.collect(grace_seconds=1)

    def note_damaged(self, pack_id, keys):
        self.write(lambda sql, now_ms: damage.note_unreadable(sql, pack_id, keys, now_ms))

    def flip(self, name, place):
        """Turn over one bit of a stored object."""
        data = bytearray(self.backend._objects[name])
        data[place] ^= 1
        self.backend._objects[name] = bytes(data)

    def stored_bytes(self):
        return sum(size for _, size in self.backend.names())

    def close(self):
        self.repository.close()
        self.repository.keyring.close()


def build(home):
    keyring, _ = Keyring.create(home / "keyring.db", KeyFileSlot(home / "keys" / "root.key"))
    keyring.add_domain(SPACE)
    table, backend, clock = SqliteIndex(), MemoryBackend(), HeldClock(datetime(2026, 3, 1, tzinfo=UTC))
    repository = Repository(
        home,
        backend,
        keyring,
        table.find,
        table.locate,
        health=Health(),
        floor=Floor(home, 0),
        options=SMALL_PACKS,
        clock=clock,
    )
    house = House(repository, table, backend, clock)
    repository.reader.on_damaged = house.note_damaged
    return house


def noise(seed, size):
    return random.Random(seed).randbytes(size)
