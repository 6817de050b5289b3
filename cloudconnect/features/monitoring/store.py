"""Counts over the whole appliance."""

from typing import NamedTuple

from cloudconnect.ports.sql import Sql


class Damage(NamedTuple):
    """How much is damaged."""

    packs: int
    chunks: int
    files: int


def count_packs(sql: Sql) -> tuple[int, int]:
    """Return how many packs there are and their bytes."""
    row = sql.row("SELECT count(*), COALESCE(sum(size), 0) FROM pack")
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def count_accounts(sql: Sql) -> int:
    """Return how many accounts there are."""
    row = sql.row("SELECT count(*) FROM account")
    return 0 if row is None else int(row[0])


def count_spaces(sql: Sql) -> int:
    """Return how many spaces there are."""
    row = sql.row("SELECT count(*) FROM space")
    return 0 if row is None else int(row[0])


def count_parked(sql: Sql) -> int:
    """Return how many facts listeners gave up on."""
    row = sql.row("SELECT count(*) FROM parked")
    return 0 if row is None else int(row[0])


def count_damaged(sql: Sql) -> Damage:
    """Return how many packs, chunks and versions of files are damaged."""
    row = sql.row(
        "SELECT (SELECT count(*) FROM pack WHERE state = 'damaged'), (SELECT count(*) FROM damaged),"
        " (SELECT count(*) FROM version WHERE content IN (SELECT key FROM damaged"
        " UNION SELECT piece.content FROM damaged JOIN piece ON piece.chunk = damaged.key))"
    )
    return Damage(0, 0, 0) if row is None else Damage(*map(int, row))


def find_bookmarks(sql: Sql) -> dict[str, int]:
    """Return up to which position each listener has read."""
    return {str(name): int(position) for name, position in sql.rows("SELECT listener, position FROM bookmark")}


def probe(sql: Sql) -> None:
    """Ask the database something that costs nothing."""
    sql.row("SELECT 1")
