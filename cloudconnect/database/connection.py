"""One transaction as stores see it, over peewee's connection to either engine."""

import functools
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import peewee

from cloudconnect.database.errors import corrupt
from cloudconnect.ports.sql import Row, Value

_REFINING: Final[AbstractContextManager[None]] = vars(peewee)["__exception_wrapper__"]
"""peewee's own translation of the engines' errors, which its stubs do not name."""


class Connection:
    """Runs statements in the transaction that is open on the calling thread's connection (``ports.sql.Sql``)."""

    def __init__(self, engine: peewee.Database) -> None:
        self._engine = engine
        self._is_postgresql = isinstance(engine, peewee.PostgresqlDatabase)

    def execute(self, statement: str, parameters: Sequence[Value] = ()) -> int:
        """Run *statement* and return how many rows it changed."""
        with _REFINING:
            cursor = self._run(statement, parameters)
        return int(self._engine.rows_affected(cursor))  # type: ignore[no-untyped-call]  # peewee's stubs leave it open

    def execute_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run *statement* once for each of *rows*."""
        with _REFINING:
            self._engine.cursor().executemany(self._dialect(statement), list(rows))  # type: ignore[no-untyped-call]  # as above

    def row(self, statement: str, parameters: Sequence[Value] = ()) -> Row | None:
        """Return the first row of the answer, or None."""
        try:
            with _REFINING:
                cursor = self._run(statement, parameters)
                answer = cursor.fetchone()
                if answer is not None and not self._is_postgresql:
                    cursor.close()
        except UnicodeDecodeError as error:
            raise corrupt() from error
        return None if answer is None else tuple(answer)

    def rows(self, statement: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return the whole answer."""
        try:
            with _REFINING:
                return list(self._run(statement, parameters).fetchall())
        except UnicodeDecodeError as error:
            raise corrupt() from error

    def control(self, statement: str) -> None:
        """Run a statement that begins, marks or ends a transaction."""
        with _REFINING:
            self._run(statement, ())

    def _run(self, statement: str, parameters: Sequence[Value]) -> Any:
        # What peewee's own execute does besides, a log line and its hooks, costs a fifth of a short look-up.
        cursor = self._engine.cursor()  # type: ignore[no-untyped-call]  # peewee's stubs leave it open
        cursor.execute(self._dialect(statement), tuple(parameters))
        return cursor

    def _dialect(self, statement: str) -> str:
        return _percent_style(statement) if self._is_postgresql else statement


@functools.lru_cache(maxsize=1_024)
def _percent_style(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")
