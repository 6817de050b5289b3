"""The table of sessions."""

from collections.abc import Iterable
from datetime import datetime

from cloudconnect.features.sessions.models import Session
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import SessionId, UserId
from cloudconnect.ports.sql import Sql

_COLUMNS = "id, account, user_agent, address, method, created_ms, seen_ms, proved_ms, expires_ms, revoked_ms"


def add_session(sql: Sql, session: Session, secret_hash: bytes) -> None:
    """Add *session*, found by the hash of its token."""
    sql.execute(
        f"INSERT INTO session ({_COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",  # noqa: S608 - constant
        (
            session.id,
            session.account,
            session.device,
            session.address,
            session.method,
            to_ms(session.created),
            to_ms(session.seen),
            to_ms(session.proved),
            to_ms(session.expires),
            secret_hash,
        ),
    )


def find_by_hash(sql: Sql, secret_hash: bytes) -> Session | None:
    """Return the session whose token has this hash, alive or not."""
    row = sql.row(f"SELECT {_COLUMNS} FROM session WHERE hash = ?", (secret_hash,))  # noqa: S608 - constant
    return None if row is None else _session(*row)


def find_live(sql: Sql, account: UserId, now: datetime, after: SessionId, limit: int) -> list[Session]:
    """Return up to *limit* sessions of *account* that were neither revoked nor outlived, by id, behind *after*."""
    rows = sql.rows(
        f"SELECT {_COLUMNS} FROM session"  # noqa: S608 - constant
        " WHERE account = ? AND revoked_ms IS NULL AND expires_ms > ? AND id > ? ORDER BY id LIMIT ?",
        (account, to_ms(now), after, limit),
    )
    return [_session(*row) for row in rows]


def revoke(sql: Sql, account: UserId, session: SessionId, now_ms: int) -> bool:
    """Revoke one session of *account*; return whether it was there and alive."""
    statement = "UPDATE session SET revoked_ms = ? WHERE account = ? AND id = ? AND revoked_ms IS NULL"
    return sql.execute(statement, (now_ms, account, session)) > 0


def revoke_others(sql: Sql, account: UserId, kept: str, now_ms: int) -> list[SessionId]:
    """Revoke every session of *account* but *kept*; return those that were alive."""
    rows = sql.rows("SELECT id FROM session WHERE account = ? AND revoked_ms IS NULL AND id <> ?", (account, kept))
    sql.execute(
        "UPDATE session SET revoked_ms = ? WHERE account = ? AND revoked_ms IS NULL AND id <> ?",
        (now_ms, account, kept),
    )
    return [SessionId(row[0]) for row in rows]


def touch(sql: Sql, seen: Iterable[tuple[SessionId, datetime]]) -> None:
    """Note when sessions were last used."""
    sql.execute_many(
        "UPDATE session SET seen_ms = ? WHERE id = ?", [(to_ms(moment), session) for session, moment in seen]
    )


def remove_outlived(sql: Sql, before: datetime) -> int:
    """Remove sessions that ended before a moment; return how many."""
    return sql.execute("DELETE FROM session WHERE expires_ms < ? OR revoked_ms < ?", (to_ms(before), to_ms(before)))


def _session(
    identifier: str,
    account: str,
    device: str,
    address: str,
    method: str,
    created_ms: int,
    seen_ms: int,
    proved_ms: int,
    expires_ms: int,
    revoked_ms: int | None,
) -> Session:
    return Session(
        id=SessionId(identifier),
        account=UserId(account),
        device=device,
        address=address,
        method=method,
        created=from_ms(created_ms),
        seen=from_ms(seen_ms),
        proved=from_ms(proved_ms),
        expires=from_ms(expires_ms),
        is_revoked=revoked_ms is not None,
    )
