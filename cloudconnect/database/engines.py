"""Opening SQLite and PostgreSQL with the settings that make an acknowledged change durable."""

import os
from pathlib import Path
from typing import Final

import apsw
import peewee
from playhouse.apsw_ext import APSWDatabase

from cloudconnect.database.errors import DatabaseFailed, OldLibrary
from cloudconnect.kernel.text import N_

FILE_NAME: Final = "cloudconnect.db"
_SAFE_SQLITE: Final = (3, 51, 3)
_BUSY_SECONDS: Final = 30


def _keep_plans(connection: apsw.Connection) -> None:
    """Have a statement's plan hold for whatever is bound to it.

    SQLite, as apsw builds it, would else prepare most joins and sorts anew each time another value is bound, in case
    its statistics say something about it, and we keep none: that took most of the time of a short look-up.
    """
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


apsw.connection_hooks.append(_keep_plans)


def open_sqlite(home: Path, *, is_writer: bool) -> peewee.Database:
    """Return an engine over ``<home>/cloudconnect.db``, its writer or one for readers; each thread has a connection.

    The writer alone checkpoints: with two connections doing so, SQLite before 3.51.3 could lose committed pages.

    Raises:
        OldLibrary: the SQLite library is one of those.
    """
    if tuple(int(part) for part in apsw.sqlitelibversion().split(".")) < _SAFE_SQLITE:
        raise OldLibrary(
            N_("SQLite {found} can lose committed data under load; 3.51.3 and later cannot."),
            fix=N_("Install a newer apsw: pip install --upgrade apsw"),
            found=apsw.sqlitelibversion(),
        )
    pragmas: list[tuple[str, int | str]] = [
        ("journal_mode", "wal"),
        ("synchronous", "full"),
        ("foreign_keys", 1),
        ("cache_size", -16_384 if is_writer else -4_096),
        ("temp_store", "memory"),
        ("wal_autocheckpoint", 4_000 if is_writer else 0),
    ]
    if not is_writer:
        pragmas.append(("query_only", 1))
    engine: peewee.Database = APSWDatabase(str(home / FILE_NAME), pragmas=pragmas, timeout=_BUSY_SECONDS)
    return engine


def settle_directory(home: Path) -> None:
    """Make the names of the database's files durable.

    SQLite ignores an error of its own directory sync after it creates the write-ahead log, and then a power cut can
    lose acknowledged commits; so it is done here once more, after the first write, and an error is fatal.
    """
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_postgresql(url: str, *, is_writer: bool) -> peewee.Database:
    """Return an engine over the database at *url*; each thread has a connection.

    Raises:
        DatabaseFailed: the driver is not installed.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - an optional extra
    except ImportError as error:
        raise DatabaseFailed(
            N_("PostgreSQL needs a driver."), fix=N_("Install it: pip install 'cloudconnect[postgresql]'")
        ) from error
    reading = r"-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\ read"
    options = "-c synchronous_commit=on" if is_writer else reading
    return peewee.PostgresqlDatabase(url, prefer_psycopg3=True, options=options)


def renumber(engine: peewee.Database) -> None:
    """Have PostgreSQL count on from the highest number that each column it numbers by itself holds."""
    counted = engine.execute_sql(  # type: ignore[no-untyped-call]  # peewee's stubs leave it open
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND (is_identity = 'YES' OR column_default LIKE 'nextval(%%')"
    ).fetchall()
    for table, column in counted:
        engine.execute_sql(  # type: ignore[no-untyped-call]  # as above
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'),"  # noqa: S608 - names of our own schema
            f" COALESCE((SELECT MAX({column}) FROM {table}), 0) + 1, false)"
        )


def sqlite_memory_bytes() -> int:
    """Return what SQLite holds in this process: the pages that its connections keep, and their prepared statements."""
    return apsw.memory_used()
