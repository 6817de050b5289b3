"""What the database layer refuses, and what an engine's errors mean."""

from collections.abc import Iterator

import apsw
import peewee

from cloudconnect.kernel.errors import CloudConnectError, NoSpace, Unavailable
from cloudconnect.kernel.text import N_

_LONGEST_CHAIN = 16


class NewerSchema(Unavailable):
    """The data was written by a newer release."""

    code = "database.newer-schema"
    title = N_("The data was written by a newer CloudConnect")


class OldLibrary(Unavailable):
    """The SQLite library loses data under load (the WAL-reset bug, mended in 3.51.3)."""

    code = "database.old-library"
    title = N_("The SQLite library is too old")


class DatabaseFull(NoSpace):
    """The disk of the database is full; nothing was changed."""

    code = "database.full"
    title = N_("The disk of the database is full")


class DatabaseFailed(Unavailable):
    """The database cannot be asked or written; nothing was acknowledged."""

    code = "database.failed"
    title = N_("The database does not answer")


class DatabaseInUse(Unavailable):
    """Somebody reads in the database for longer than is waited; nothing is lost."""

    code = "database.in-use"
    title = N_("The database is being read")


class DatabaseCorrupt(Unavailable):
    """The database file is not what was written."""

    code = "database.corrupt"
    title = N_("The database is damaged")


def refusal_for(error: Exception) -> CloudConnectError | None:
    """Return the refusal that an engine's *error* amounts to, or None when it is a bug and must stay loud."""
    if any(_is_full(each) for each in _chain(error)):
        return DatabaseFull(fix=N_("Free some space; writing goes on by itself."))
    if any(isinstance(each, apsw.CorruptError | apsw.NotADBError) for each in _chain(error)):
        return corrupt()
    if isinstance(error, peewee.OperationalError | peewee.InterfaceError):
        return DatabaseFailed(fix=N_("See what its log says, with: cloudconnect doctor"), retry_after_seconds=5)
    return None


def corrupt() -> DatabaseCorrupt:
    """Return the refusal for a database that does not hold what was written."""
    return DatabaseCorrupt(fix=N_("Stop the daemon and restore the latest backup of the data directory."))


def is_fatal(error: Exception) -> bool:
    """Tell whether, after *error*, it is unknown what is durable, so that the process must not go on."""
    return any(isinstance(each, apsw.IOError) and not _is_full(each) for each in _chain(error))


def _is_full(error: BaseException) -> bool:
    # Without room for the index of its log, SQLite speaks of an I/O error; nothing has been written by then.
    if isinstance(error, apsw.IOError):
        return bool(getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE)
    return isinstance(error, apsw.FullError) or _sqlstate(error) == "53100"


def _chain(error: BaseException) -> Iterator[BaseException]:
    # peewee wraps the engine's error, and once more when it happens while it connects. A chain may be a ring.
    each: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if each is None:
            return
        yield each
        each = each.__cause__ or each.__context__


def _sqlstate(error: BaseException) -> str | None:
    return getattr(error, "sqlstate", None)
