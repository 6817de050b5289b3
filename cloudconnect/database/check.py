"""Whether the file of an SQLite database is what SQLite wrote."""

import contextlib
from pathlib import Path
from typing import Final

import apsw

from cloudconnect.database.engines import FILE_NAME

OK: Final = "ok"
_FINDINGS: Final = 20


class FileCheck:
    """Checks the database in *home* on connections of its own; one check at a time."""

    def __init__(self, home: Path) -> None:
        self._path = str(home / FILE_NAME)
        self._connection: apsw.Connection | None = None

    def run(self, *, is_full: bool) -> str:
        """Return ``ok``, what is wrong, a line each, or nothing when it was stopped.

        The quick check reads every page but compares no index with its table; a full one does, and takes several times
        as long. Both read a snapshot and keep nobody from writing.
        """
        connection = self._connection = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            kind = "integrity_check" if is_full else "quick_check"
            return "\n".join(str(row[0]) for row in connection.execute(f"PRAGMA {kind}({_FINDINGS})"))
        except apsw.InterruptError:
            return ""
        except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
            return str(error)
        finally:
            self._connection = None
            connection.close()

    def stop(self) -> None:
        """Have a check that is under way end at once."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(apsw.ConnectionClosedError):
                connection.interrupt()
