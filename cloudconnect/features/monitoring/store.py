"""Counts over the whole appliance."""

from cloudconnect.ports.sql import Sql


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


def find_bookmarks(sql: Sql) -> dict[str, int]:
    """Return up to which position each listener has read."""
    return {str(name): int(position) for name, position in sql.rows("SELECT listener, position FROM bookmark")}


def probe(sql: Sql) -> None:
    """Ask the database something that costs nothing."""
    sql.row("SELECT 1")
