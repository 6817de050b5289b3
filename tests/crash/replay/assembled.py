"""The engine, the database and the log over one directory, put together as the floor plan does, without the rooms."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import peewee

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database, open_database
from cloudconnect.database.errors import refusal_for
from cloudconnect.features.files import HeldContents
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.sql import Sql
from cloudconnect.storage import index, life
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.gc import Gc, GcOptions
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.repository import RecoveryReport, Repository
from cloudconnect.storage.slots import KeyFileSlot
from cloudconnect.storage.writer import WriterOptions

Result = TypeVar("Result")

CHECKPOINT_PAGES = 40  # few, so that the log of the database is worked off many times in a short trace

SMALL = WriterOptions(pack_bytes=48 << 10, window_seconds=0.001, average_bytes=4_096)
SMALLEST_BYTES, LARGEST_BYTES = 2_048, 16_384
"""With these limits of ``storage.chunker``, contents of some kilobytes have many chunks and lie in several packs."""


class Assembled:
    """Everything that has to be right after a crash, opened as a start of the daemon opens it."""

    def __init__(self, root: Path, *, is_migrated: bool = False) -> None:
        """Open what is there; the first time, make it. What *is_migrated* for sure need not be looked at for that.

        Raises:
            CloudConnectError: it cannot be opened.
        """
        home = root / "home"
        self.has_failed = False
        self.health = Health(self._fail)
        slot, path = KeyFileSlot(root / "key"), home / "keyring.db"
        self.keyring = Keyring.open(path, slot) if path.exists() else Keyring.create(path, slot)[0]
        try:
            self.database = _open_database(home, is_migrated=is_migrated)
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
        options = GcOptions(grace_seconds=0.0, sparse_share=0.9, pack_bytes=SMALL.pack_bytes)
        self.gc = Gc(self.repository, _Index(self.database, self.log), [HeldContents()], options)

    def recover(self) -> RecoveryReport:
        """Do what a start does before the first write."""
        read = self.database.read_now
        return self.repository.recover(lambda: read(index.known_packs), lambda: read(life.find_dead_packs))

    async def start(self, report: RecoveryReport) -> None:
        """Start the writer, and do its first write."""
        self.log.start()

        def note(unit: Unit) -> None:
            index.mark_damaged(unit.sql, [pack.pack_id for pack in report.damaged])
            life.forget_dead_packs(unit.sql)

        await self.log.commit(note, actor=APPLIANCE)

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

    def _fail(self) -> None:
        self.has_failed = True


class _Index:
    """The index as gc uses it, like the one of the floor plan."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database = database
        self._log = log

    def read(self, ask: Callable[[Sql], Result]) -> Result:
        return self._database.read_now(ask)

    def write(self, change: Callable[[Sql, int], Result]) -> Result:
        return self._log.commit_now(lambda unit: change(unit.sql, unit.now_ms), actor=APPLIANCE)


def _open_database(home: Path, *, is_migrated: bool) -> Database:
    database = open_database("sqlite:", home, readers=1)
    writer = database._writer_engine
    writer._pragmas = [
        (name, CHECKPOINT_PAGES if name == "wal_autocheckpoint" else value) for name, value in writer._pragmas
    ]
    if not is_migrated:
        database.migrate()
        return database
    try:
        writer.execute_sql("BEGIN IMMEDIATE")  # the first transaction of the writer brings the log back
        writer.rollback()
    except peewee.PeeweeException as error:
        raise refusal_for(error) or error from error
    finally:
        writer.close()
    return database
