"""The chunk index on SQLite, with just the tables that the engine knows and one for what refers to contents."""

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager

import apsw

from cloudconnect.storage import index

TABLES = """
CREATE TABLE pack (number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, domain BLOB NOT NULL,
    size BIGINT NOT NULL, state TEXT NOT NULL, backend TEXT NOT NULL DEFAULT 'main');
CREATE TABLE chunk (key BLOB NOT NULL PRIMARY KEY, pack BIGINT NOT NULL, position BIGINT NOT NULL,
    length BIGINT NOT NULL, raw_length BIGINT NOT NULL) WITHOUT ROWID;
CREATE INDEX chunk_pack ON chunk (pack, length);
CREATE TABLE piece (chunk BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (chunk, content)) WITHOUT ROWID;
CREATE INDEX piece_content ON piece (content);
CREATE TABLE condemned (key BLOB NOT NULL PRIMARY KEY, since_ms BIGINT NOT NULL);
CREATE TABLE damaged (key BLOB NOT NULL PRIMARY KEY, found_ms BIGINT NOT NULL);
CREATE TABLE backend (name TEXT PRIMARY KEY, kind TEXT NOT NULL, parameters TEXT NOT NULL, created_ms BIGINT NOT NULL);
CREATE TABLE backend_target (place INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE version (name TEXT NOT NULL PRIMARY KEY, manifest BLOB NOT NULL, content BLOB);
"""


class SqliteIndex:
    """One connection that threads take turns on; it is its own ``Sql``."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._connection = apsw.Connection(":memory:")
        self._connection.execute(TABLES)

    def execute(self, statement: str, parameters: Sequence[index.Value] = ()) -> int:
        self._connection.execute(statement, tuple(parameters))
        return self._connection.changes()

    def execute_many(self, statement: str, rows: Iterable[Sequence[index.Value]]) -> None:
        self._connection.executemany(statement, rows)

    def row(self, statement: str, parameters: Sequence[index.Value] = ()) -> tuple | None:
        return self._connection.execute(statement, tuple(parameters)).fetchone()

    def rows(self, statement: str, parameters: Sequence[index.Value] = ()) -> list[tuple]:
        return self._connection.execute(statement, tuple(parameters)).fetchall()

    @contextmanager
    def transaction(self):
        with self._lock, self._connection:
            yield self

    def find(self, keys: Sequence[bytes]) -> set[bytes]:
        with self._lock:
            return index.find(self, keys)

    def locate(self, keys: Sequence[bytes]) -> dict[bytes, index.Place]:
        with self._lock:
            return index.locate(self, keys)

    def settle(self, content: index.Stored) -> None:
        with self.transaction():
            index.settle(self, content)

    def write(self, change: Callable) -> object:
        with self.transaction():
            return change(self)
