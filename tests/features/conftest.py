"""Rooms on a real database, with the engine and the slow password hash replaced by fakes."""

import hashlib
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from cloudconnect.bus import Dispatcher, EventLog
from cloudconnect.database import Database, open_database
from cloudconnect.features import sessions as sessions_room
from cloudconnect.features.access import AccessService
from cloudconnect.features.auth import AccountTable, AuthService
from cloudconnect.features.developer import DeveloperService
from cloudconnect.features.files import (
    ComparingService,
    CrossingService,
    EditingService,
    FilesService,
    FindingService,
    Guide,
    HistoryService,
    IntakeService,
    ParticularsService,
    ReturningService,
    SnapshotsService,
    SpacesService,
    TagsService,
    UploadsService,
)
from cloudconnect.features.gateway import GatewayService
from cloudconnect.features.sessions import SessionsService
from cloudconnect.features.sessions.models import Lifetimes
from cloudconnect.kernel.clock import HeldClock, timedelta
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.kernel.tokens import TokenKind


@dataclass(frozen=True)
class FakeContent:
    manifest: bytes
    key: bytes
    size: int
    sha256: bytes
    stored_bytes: int
    reused_bytes: int


@dataclass(frozen=True)
class FakeBatch:
    contents: list[FakeContent]
    stored_bytes: int
    reused_bytes: int


@dataclass(frozen=True)
class FakeCutting:
    name_key: bytes
    cut_key: bytes
    average_bytes: int


@dataclass(frozen=True)
class FakeKept:
    chunks: list[tuple[bytes, int]]
    pieces: list[tuple[bytes, int]]
    size: int
    stored_bytes: int = 0
    reused_bytes: int = 0


class FakeGrowth:
    """Cuts at every 1,000 bytes; what is left is one piece."""

    def __init__(self, vault, space, size, pieces, hashing):
        self._vault, self._space, self._pieces = vault, space, list(pieces)
        self._rest = b"".join(vault.contents[space, name] for name, _ in pieces)
        self._size = size - len(self._rest)
        self._waiting = b""
        self.hashing = hashing

    async def add(self, piece):
        self._waiting += piece

    async def close(self):
        pass

    async def keep(self, *, whole_only=False, is_last=False):
        taken, self._waiting = self._waiting, b""
        if self.hashing is not None:
            self.hashing.update(taken)
        data = self._rest + taken
        end = len(data) if is_last else len(data) // 1_000 * 1_000
        chunks = [self._put(data[start : min(start + 1_000, end)]) for start in range(0, end, 1_000)]
        self._rest = data[end:]
        self._size += end
        if chunks or not whole_only:
            self._pieces = [] if whole_only or not self._rest else [self._put(self._rest)]
        return FakeKept(chunks, self._pieces, self._size + sum(size for _, size in self._pieces))

    def _put(self, raw):
        name = hashlib.sha256(raw).digest()
        self._vault.contents[self._space, name] = raw
        return name, len(raw)


@dataclass
class FakeVault:
    """Keeps content in memory; settles nothing, since it never loses anything."""

    contents: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    read_whole: int = 0

    def check_room(self, wanted_bytes):
        pass

    async def add_domain(self, space):
        self.domains.add(space)

    async def write(self, space, stream):
        data = b"".join([piece async for piece in stream])
        digest = hashlib.sha256(data).digest()
        is_known = (space, digest) in self.contents
        self.contents[space, digest] = data
        return FakeContent(
            digest, digest[:16], len(data), digest, 0 if is_known else len(data), len(data) if is_known else 0
        )

    async def take(self, space, stream):
        taken = Future()
        taken.set_result(await self.write(space, stream))
        return taken

    async def write_many(self, space, contents):
        stored = []
        for content in contents:

            async def stream(content=content):
                yield content

            stored.append(await self.write(space, stream()))
        return FakeBatch(stored, sum(each.stored_bytes for each in stored), sum(each.reused_bytes for each in stored))

    async def cutting(self, space):
        return FakeCutting(b"n" * 32, b"c" * 32, 1 << 19)

    async def find_missing(self, content_ids):
        return list(range(len(content_ids)))

    async def grow(self, space, size, pieces, hashing=None):
        return FakeGrowth(self, space, size, pieces, hashing if size else hashlib.sha256())

    async def assemble(self, space, chunks, sha256=None):
        if sha256 is None:
            self.read_whole += 1

        async def stream():
            for name, _ in chunks:
                yield self.contents[space, name]

        content = await self.write(space, stream())
        assert sha256 in {None, content.sha256}
        return content

    def settle(self, sql, space, content):
        pass

    async def read(self, space, manifest, start=0, stop=None) -> AsyncIterator[bytes]:
        yield self.contents[space, manifest][start:stop]

    async def read_many(self, space, contents):
        yield [(number, self.contents[space, manifest]) for number, manifest in enumerate(contents)]


class FakePasswords:
    """Stores passwords as they are."""

    async def hash(self, password):
        return f"plain {password}"

    async def is_right(self, password, stored):
        return stored == f"plain {password}"

    def is_outdated(self, stored):
        return False

    async def is_guessable(self, password, words):
        return password.startswith("password")


@dataclass
class Rooms:
    """The rooms under test, and what they stand on."""

    clock: HeldClock
    database: Database
    log: EventLog
    dispatcher: Dispatcher
    vault: FakeVault
    access: AccessService
    auth: AuthService
    sessions: SessionsService
    developer: DeveloperService
    gateway: GatewayService
    spaces: SpacesService
    files: FilesService
    intake: IntakeService
    guide: Guide
    uploads: UploadsService
    history: HistoryService
    snapshots: SnapshotsService
    comparing: ComparingService
    returning: ReturningService
    tags: TagsService
    finding: FindingService
    editing: EditingService
    particulars: ParticularsService
    crossing: CrossingService

    async def person(self, name: str, *, is_admin: bool = False) -> Principal:
        account = await self.auth.add_account(APPLIANCE, name, "", "a fine secret", is_admin)
        return Principal(account.id, PrincipalKind.PERSON, name, is_admin, proved_at=self.clock.now())


@pytest.fixture
async def rooms(database_url, tmp_path):
    clock = HeldClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    database = open_database(database_url, tmp_path, readers=2)
    database.migrate()
    log = EventLog(database, clock)
    log.start()
    access = AccessService(clock)
    accounts = AccountTable()
    lifetimes = Lifetimes(idle=timedelta(hours=12), absolute=timedelta(days=7))
    sessions = SessionsService(log, database, clock, accounts, lifetimes, "local")
    developer = DeveloperService(log, database, clock, accounts, "local")
    credentials = {TokenKind.SESSION: sessions, TokenKind.PERSONAL: developer}
    auth = AuthService(log, database, clock, access, FakePasswords(), sessions, credentials, "local", lambda: b"k" * 32)
    vault = FakeVault()
    guide = Guide(log, database, clock, access, vault)
    files = FilesService(log, database, guide, vault)
    finding = FindingService(database, guide, clock, accounts)
    intake = IntakeService(log, database, guide, vault)
    history = HistoryService(log, database, clock, guide, timedelta(days=30))
    dispatcher = Dispatcher(log, database)
    dispatcher.subscribe(sessions_room.reactions(sessions))
    gateway = GatewayService(log, database, clock)
    yield Rooms(
        clock,
        database,
        log,
        dispatcher,
        vault,
        access,
        auth,
        sessions,
        developer,
        gateway,
        SpacesService(log, database, clock, guide, vault, accounts),
        files,
        intake,
        guide,
        UploadsService(log, database, clock, guide, vault),
        history,
        SnapshotsService(log, database, guide),
        ComparingService(database, guide),
        ReturningService(log, database, clock, guide),
        TagsService(log, database, guide),
        finding,
        EditingService(log, database, guide, clock, finding),
        ParticularsService(log, database, guide, vault),
        CrossingService(log, database, guide, vault, files),
    )
    await dispatcher.stop()
    await log.stop()
    database.close()


@pytest.fixture
async def ada(rooms):
    return await rooms.person("ada", is_admin=True)


@pytest.fixture
async def bob(rooms):
    return await rooms.person("bob")
