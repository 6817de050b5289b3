"""What a store asks of a database transaction, whichever engine stands behind it."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

Value = str | int | float | bytes | None
Row = tuple[Any, ...]
"""What the database answers; the store that wrote the query knows the types of its columns."""


class Sql(Protocol):
    """One open transaction. Statements use ``?`` for parameters and SQL that SQLite and PostgreSQL both understand."""

    def execute(self, statement: str, parameters: Sequence[Value] = ()) -> int:
        """Run *statement* and return how many rows it changed."""
        ...

    def execute_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run *statement* once for each of *rows*."""
        ...

    def row(self, statement: str, parameters: Sequence[Value] = ()) -> Row | None:
        """Return the first row of the answer, or None."""
        ...

    def rows(self, statement: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Return the whole answer."""
        ...
