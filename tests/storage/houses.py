"""A whole engine in a temporary directory, with the faults a test asks for."""

import threading

from fixtures import det
from sqlite_index import SqliteIndex

from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.slots import KeyFileSlot
from cloudconnect.storage.writer import WriterOptions

SPACE = det(16, "one space")
OTHER_SPACE = det(16, "another space")


class GatedBackend:
    """A backend whose puts wait for a gate and can be told to fail."""

    def __init__(self, inner):
        self.inner = inner
        self.gate = threading.Event()
        self.gate.set()
        self.is_waiting = threading.Event()
        self.refusal = None
        self.puts = 0

    def put(self, name, spool):
        self.is_waiting.set()
        self.gate.wait(10)
        self.puts += 1
        if self.refusal is not None:
            raise self.refusal
        self.inner.put(name, spool)

    def peek(self, name, offset, length):
        return self.inner.peek(name, offset, length)

    def __getattr__(self, name):
        return getattr(self.inner, name)


class House:
    """An engine, its index and its directory."""

    def __init__(self, home, **options):
        self.home = home
        self.fatal = []
        self.health = Health(lambda: self.fatal.append("fatal"))
        slot = KeyFileSlot(home.parent / "home.key")
        path = home / "keyring.db"
        self.keyring = Keyring.open(path, slot) if path.exists() else Keyring.create(path, slot)[0]
        self.keyring.add_domain(SPACE)
        self.keyring.add_domain(OTHER_SPACE)
        self.index = SqliteIndex()
        self.backend = GatedBackend(LocalBackend(home, self.health))
        self.repository = Repository(
            home,
            self.backend,
            self.keyring,
            self.index.find,
            self.index.locate,
            health=self.health,
            floor=Floor(home, 0, 0.0),
            options=WriterOptions(**options),
        )

    def write(self, data, space=SPACE, piece=1 << 20):
        """Store and settle *data*."""
        content = self.store(data, space, piece)
        self.index.settle(content)
        return content

    def store(self, data, space=SPACE, piece=1 << 20):
        return self.repository.write(space, (data[start : start + piece] for start in range(0, len(data), piece)))

    def read(self, content, space=SPACE, start=0, stop=None):
        return b"".join(self.repository.read(space, content.manifest, start, stop))

    def packs(self):
        return sorted(path for path in (self.home / "packs").rglob("*") if path.is_file())

    def spools(self):
        return list((self.home / "tmp").iterdir())

    def close(self):
        self.backend.gate.set()
        self.repository.close()
        self.keyring.close()
