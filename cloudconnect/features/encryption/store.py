"""The table of certificates."""

from cloudconnect.features.encryption.models import Certificate
from cloudconnect.kernel.clock import from_ms
from cloudconnect.ports.sql import Row, Sql

_SELECT = "SELECT space, state, created_ms, document FROM certificate"


def put_certificate(sql: Sql, space: str, state: str, document: str, now_ms: int) -> None:
    """Keep the certificate of a space, in place of an earlier one."""
    sql.execute(
        "INSERT INTO certificate (space, state, created_ms, document) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (space) DO UPDATE SET state = excluded.state, created_ms = excluded.created_ms,"
        " document = excluded.document",
        (space, state, now_ms, document),
    )


def find_certificate(sql: Sql, space: str) -> Certificate | None:
    """Return the certificate of a space, or None."""
    row = sql.row(f"{_SELECT} WHERE space = ?", (space,))
    return None if row is None else _certificate(row)


def find_certificates(sql: Sql, after: str, limit: int) -> list[Certificate]:
    """Return up to *limit* certificates behind the space *after*."""
    return [_certificate(row) for row in sql.rows(f"{_SELECT} WHERE space > ? ORDER BY space LIMIT ?", (after, limit))]


def _certificate(row: Row) -> Certificate:
    space, state, created_ms, document = row
    return Certificate(space, state, from_ms(created_ms), document)
