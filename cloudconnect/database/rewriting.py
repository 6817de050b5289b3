"""Writing the database anew, so that nothing of what was deleted or overwritten is left in its files."""

import peewee

from cloudconnect.database.errors import DatabaseInUse
from cloudconnect.kernel.text import N_


def write_anew(engine: peewee.Database) -> None:
    """Write every table anew, on the connection of the writer and while no transaction is open on it.

    SQLite keeps deleted rows in free pages and in its write-ahead log, PostgreSQL in its tables. PostgreSQL's own log
    holds them until the server has no use for it any more.

    Raises:
        DatabaseInUse: somebody read for so long that the write-ahead log could not be emptied.
        peewee.PeeweeException: the engine could not, for example for want of room; nothing has changed then.
    """
    if isinstance(engine, peewee.PostgresqlDatabase):
        connection = engine.connection()  # type: ignore[no-untyped-call]  # peewee's stubs leave it open
        was_automatic, connection.autocommit = connection.autocommit, True
        try:
            _run(engine, "VACUUM FULL")
        finally:
            connection.autocommit = was_automatic
        return
    # The copy that SQLite makes meanwhile is as large as the database: it does not belong into memory.
    _run(engine, "PRAGMA temp_store = file")
    try:
        _run(engine, "VACUUM")
    finally:
        _run(engine, "PRAGMA temp_store = memory")
    if _run(engine, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
        raise DatabaseInUse(
            N_("The log of the database still holds what was deleted, because somebody reads."), fix=N_("Repeat it.")
        )


def _run(engine: peewee.Database, statement: str) -> list[tuple[object, ...]]:
    cursor = engine.execute_sql(statement)  # type: ignore[no-untyped-call]  # as above
    return list(cursor) if statement.startswith("PRAGMA wal") else []
