"""The whole database at one moment, as a file of SQLite, whichever engine it comes from."""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Self

import apsw

from cloudconnect.database.database import Database, open_database
from cloudconnect.database.engines import FILE_NAME
from cloudconnect.database.lost_spaces import forget_lost_spaces
from cloudconnect.ports.sql import Row, Sql, Value

_ROWS = 10_000


def write_snapshot(database: Database, path: Path, *, without: Collection[str] = ()) -> int:
    """Write *database* as it is this moment to a new file at *path* while it goes on; return its log's position.

    The tables *without* are there, and empty.
    """
    if database.file is None:
        _copy_to(database, path, without)
    elif without:
        _copy_file(database.file, path, without)
    else:
        with _opened(database.file) as source:
            source.execute("VACUUM INTO ?", (str(path),))
    with _opened(path) as copy:
        (position,) = copy.execute("SELECT COALESCE(MAX(position), 0) FROM event").fetchall()[0]
    return int(str(position))


def check_snapshot(path: Path) -> None:
    """Return if the file at *path* is a sound database.

    Raises:
        ValueError: it is not; the text says why.
    """
    try:
        with _opened(path) as copy:
            (answer,) = copy.execute("PRAGMA integrity_check(1)").fetchall()[0]
    except apsw.Error as error:
        raise ValueError(str(error)) from error
    if answer != "ok":
        raise ValueError(str(answer))


def settle_restored(path: Path, spaces: Collection[str]) -> None:
    """Make the snapshot at *path* the database of a restored appliance, of which the keys of *spaces* are there.

    Its packs rest on the appliance's own disk, no operation goes on that was under way when it was taken, its catalogs
    are not there, and spaces whose keys were destroyed since are gone, with every name that was in them.
    """
    with _opened(path, flags=apsw.SQLITE_OPEN_READWRITE) as copy, copy:
        indexes = copy.execute("SELECT statement FROM left_out_index").fetchall() if _has_left_out(copy) else []
        for (statement,) in indexes:
            copy.execute(str(statement))
        copy.execute("DROP TABLE IF EXISTS left_out_index")
        copy.execute("UPDATE pack SET backend = 'main'")
        copy.execute("UPDATE operation SET state = 'cancelled' WHERE state IN ('waiting', 'running', 'paused')")
        is_lost = forget_lost_spaces(copy, spaces)
    if is_lost:
        with _opened(path, flags=apsw.SQLITE_OPEN_READWRITE) as copy:
            copy.execute("VACUUM")


def forget_catalogs(path: Path, domain: bytes) -> None:
    """Take what belongs to the key domain of catalogs out of the snapshot at *path*: a backup does without them."""
    with _opened(path, flags=apsw.SQLITE_OPEN_READWRITE) as copy, copy:
        copy.execute("DELETE FROM chunk WHERE pack IN (SELECT number FROM pack WHERE domain = ?)", (domain,))
        copy.execute("DELETE FROM pack WHERE domain = ?", (domain,))
        copy.execute("DELETE FROM piece WHERE content IN (SELECT content FROM catalog)")
        copy.execute("DELETE FROM catalog")


def _has_left_out(copy: apsw.Connection) -> bool:
    return bool(copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'left_out_index'").fetchall())


def read_snapshot(database: Database, path: Path) -> None:
    """Fill *database*, which has the schema of this release and nothing in it, from the snapshot at *path*.

    All of it takes effect or nothing. The snapshot has that schema too.
    """
    with _opened(path) as copy:
        database.fill(lambda sql: _fill_tables(sql, copy))


def _fill_tables(sql: Sql, copy: apsw.Connection) -> None:
    tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    for (table,) in tables:
        columns = [str(name) for (name,) in copy.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()]
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        sql.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of our own schema
        rows = copy.execute(f"SELECT {names} FROM {table}")  # noqa: S608 - as above
        while batch := list(islice(rows, _ROWS)):
            sql.execute_many(f"INSERT INTO {table} ({names}) VALUES ({marks})", batch)  # noqa: S608 - as above


class Snapshot:
    """A snapshot opened for reading, in one thread; a context manager that closes it."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def rows(self, statement: str, parameters: Sequence[Value] = ()) -> Iterator[Row]:
        """Yield the answer of *statement*."""
        yield from self._connection.execute(statement, tuple(parameters))


def _copy_file(file: Path, path: Path, without: Collection[str]) -> None:
    with _opened(path, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE) as copy:
        copy.execute("ATTACH ? AS source", (str(file),))
        with copy:
            made = copy.execute(
                "SELECT type, name, sql FROM source.sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            tables = [(str(name), str(statement)) for kind, name, statement in made if kind == "table"]
            for name, statement in tables:
                copy.execute(statement)
                if name not in without:
                    copy.execute(f"INSERT INTO main.{name} SELECT * FROM source.{name}")  # noqa: S608 - a name of our own schema
            # Without indexes little changes from one to the next; whoever restores makes them.
            copy.execute("CREATE TABLE left_out_index (statement TEXT NOT NULL)")
            others = [(str(statement),) for kind, _, statement in made if kind != "table"]
            copy.executemany("INSERT INTO left_out_index VALUES (?)", others)
        copy.execute("DETACH source")


def _copy_to(database: Database, path: Path, without: Collection[str]) -> None:
    """Copy table by table, in one snapshot of the server, into a file with the schema of this release."""
    beside = path.with_name(f"{path.name}.copy")
    beside.mkdir(mode=0o700)
    try:
        target = open_database("sqlite:", beside)
        target.migrate()
        target.close()
        with _opened(beside / FILE_NAME, flags=apsw.SQLITE_OPEN_READWRITE) as copy:
            copy.execute("PRAGMA journal_mode = delete")
            database.read_now(lambda sql: _copy_tables(sql, copy, without))
        (beside / FILE_NAME).rename(path)
    finally:
        for left in beside.iterdir():
            left.unlink()
        beside.rmdir()


def _copy_tables(sql: Sql, copy: apsw.Connection, without: Collection[str]) -> None:
    tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    with copy:
        for (table,) in tables:
            if table in without:
                continue
            columns = copy.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
            copy.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of our own schema
            names = [str(name) for name, _ in columns]
            marks = ", ".join("?" * len(names))
            for rows in _pages(sql, str(table), names, [str(name) for name, pk in columns if pk]):
                copy.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608 - as above


def _pages(sql: Sql, table: str, names: list[str], key: list[str]) -> Iterator[list[Row]]:
    selected, order = ", ".join(names), ", ".join(key)
    after: tuple[Value, ...] = ()
    while True:
        where = f" WHERE ({order}) > ({', '.join('?' * len(key))})" if after else ""
        rows = sql.rows(f"SELECT {selected} FROM {table}{where} ORDER BY {order} LIMIT {_ROWS:d}", after)  # noqa: S608 - as above
        if not rows:
            return
        yield rows
        after = tuple(rows[-1][names.index(each)] for each in key)


def _opened(path: Path, flags: int = apsw.SQLITE_OPEN_READONLY) -> contextlib.closing[apsw.Connection]:
    return contextlib.closing(apsw.Connection(str(path), flags=flags))
