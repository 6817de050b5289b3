"""A log over each engine, and a wire to PostgreSQL that can be cut at the worst moment."""

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from cloudconnect.bus import EventLog
from cloudconnect.database import Database, open_database
from cloudconnect.events.files import FolderAdded
from cloudconnect.kernel.clock import HeldClock
from cloudconnect.kernel.principal import APPLIANCE


@dataclass
class Ledger:
    """A log, and how often the writer said that it must not go on."""

    database: Database
    log: EventLog
    fatal: list[str] = field(default_factory=list)

    async def add(self):
        return await self.log.commit(
            lambda unit: unit.record(FolderAdded(subject="nod_1", space="spc_1")), actor=APPLIANCE
        )

    async def positions(self):
        return [each.position for each in await self.database.read(lambda sql: self.log.find_facts(sql, 0, 1_000))]


@contextlib.asynccontextmanager
async def _running(url, home):
    database = open_database(url, home, readers=2)
    database.migrate()
    ledger = Ledger(database, EventLog(database, HeldClock(datetime(2026, 3, 1, tzinfo=UTC))))
    ledger.log.on_fatal(lambda: ledger.fatal.append("fatal"))
    ledger.log.start()
    yield ledger
    await ledger.log.stop()
    database.close()


@pytest.fixture
def running():
    """Starts a log over the database at a URL, with SQLite's file in a home."""
    return _running


@pytest.fixture
async def ledger(database_url, tmp_path):
    async with _running(database_url, tmp_path) as each:
        yield each


@pytest.fixture
async def on_sqlite(tmp_path):
    async with _running("sqlite:", tmp_path) as each:
        yield each


@pytest.fixture
async def on_postgresql(new_postgresql, tmp_path):
    async with _running(new_postgresql, tmp_path) as each:
        yield each


class Wire:
    """Passes bytes between clients and PostgreSQL; once *armed*, it swallows the answer to a COMMIT and hangs up."""

    def __init__(self, address):
        self._address = address
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self.armed = False
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.create_connection(self._address)
                cut = threading.Event()
                threading.Thread(target=self._ask, args=(client, server, cut), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server, cut), daemon=True).start()

    def _ask(self, client, server, cut):
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                if self.armed and b"COMMIT" in data:
                    self.armed = False
                    cut.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client, server, cut):
        with contextlib.suppress(OSError), client, server:
            while (data := server.recv(65_536)) and not cut.is_set():
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(new_postgresql):
    """A wire, and the URL of the database behind it."""
    parts = urlsplit(new_postgresql)
    wire = Wire((parts.hostname, parts.port))
    yield wire, f"postgresql://{parts.username}@127.0.0.1:{wire.port}{parts.path}?sslmode=disable"
    wire.close()
