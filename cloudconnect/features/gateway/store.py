"""The table of remembered answers."""

import json
from collections.abc import Sequence

from cloudconnect.features.gateway.models import Remembered
from cloudconnect.ports.sql import Sql


def find(sql: Sql, principal: str, key: str, since_ms: int) -> Remembered | None:
    """Return the answer that *principal* got under *key* since a moment, or None."""
    row = sql.row(
        "SELECT fingerprint, status, headers, body FROM idempotency"
        " WHERE principal = ? AND key = ? AND created_ms >= ?",
        (principal, key, since_ms),
    )
    return None if row is None else Remembered(row[0], row[1], json.loads(row[2]), row[3])


def add(sql: Sql, principal: str, key: str, answer: Remembered, now_ms: int) -> None:
    """Remember an answer, in place of one that has been forgotten under the same key."""
    sql.execute("DELETE FROM idempotency WHERE principal = ? AND key = ?", (principal, key))
    sql.execute(
        "INSERT INTO idempotency (principal, key, fingerprint, status, headers, body, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (principal, key, answer.fingerprint, answer.status, json.dumps(answer.headers), answer.body, now_ms),
    )


def remove_answers(sql: Sql, principals: Sequence[str]) -> None:
    """Forget the answers that *principals* were given."""
    sql.execute_many("DELETE FROM idempotency WHERE principal = ?", [(each,) for each in principals])


def remove_before(sql: Sql, before_ms: int) -> int:
    """Forget answers given before a moment; return how many."""
    return sql.execute("DELETE FROM idempotency WHERE created_ms < ?", (before_ms,))
