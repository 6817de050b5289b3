"""The engine, the database and the log over one directory, put together as the floor plan does, without the rooms."""

from collections.abc import Iterable
from pathlib import Path

from cloudconnect.bus import EventLog
from cloudconnect.database import Database, open_database
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.storage import index
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.repository import RecoveryReport, Repository
from cloudconnect.storage.slots import KeyFileSlot
from cloudconnect.storage.writer import WriterOptions

CHECKPOINT_PAGES = 40  # few, so that the log of the database is worked off many times in a short trace

SMALL = WriterOptions(pack_bytes=48 << 10, window_seconds=0.001, average_bytes=4_096)
SMALLEST_BYTES, LARGEST_BYTES = 2_048, 16_384
"""With these limits of ``storage.chunker``, contents of some kilobytes have many chunks and lie in several packs."""


class Assembled:
    """Everything that has to be right after a crash, opened as a start of the daemon opens it."""

    def __init__(self, root: Path) -> None:
        """Open what is there; the first time, make it.

        Raises:
            CloudConnectError: it cannot be opened.
        """
        home = root / "home"
        self.has_failed = False
        self.health = Health(self._fail)
        slot, path = KeyFileSlot(root / "key"), home / "keyring.db"
        self.keyring = Keyring.open(path, slot) if path.exists() else Keyring.create(path, slot)[0]
        try:
            self.database = _open_database(home)
        except BaseException:
            self.keyring.close()
            raise
        self.backend = LocalBackend(home, self.health)
        self.repository = Repository(
            home,
            self.backend,
            self.keyring,
            find=lambda keys: self.database.read_now(lambda sql: index.find(sql, keys)),
            locate=lambda keys: self.database.read_now(lambda sql: index.locate(sql, keys)),
            health=self.health,
            floor=Floor(home, 0, 0.0),
            options=SMALL,
        )
        self.vault = Vault(self.repository, threads=2)
        self.log = EventLog(self.database, SystemClock())
        self.log.on_fatal(self._fail)

    def recover(self) -> RecoveryReport:
        """Do what a start does before the first write."""
        return self.repository.recover(self._known)

    async def stop(self) -> None:
        """End in the order in which the daemon does."""
        await self.log.stop()
        await self.vault.close()
        self.database.close()
        self.keyring.close()

    def close(self) -> None:
        """End what was only looked at."""
        self.repository.close()
        self.database.close()
        self.keyring.close()

    def _known(self) -> Iterable[index.StoredPack]:
        return self.database.read_now(index.known_packs)

    def _fail(self) -> None:
        self.has_failed = True


def _open_database(home: Path) -> Database:
    database = open_database("sqlite:", home, readers=1)
    writer = database._writer_engine
    writer._pragmas = [
        (name, CHECKPOINT_PAGES if name == "wal_autocheckpoint" else value) for name, value in writer._pragmas
    ]
    database.migrate()
    return database
