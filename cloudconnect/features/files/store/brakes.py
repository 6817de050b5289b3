"""The tables of the brake: how much each session changed of late, whom it stopped, and what was announced."""

from cloudconnect.features.files.models import Brake
from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Row, Sql

_SELECT = "SELECT id, space, session, actor, actor_name, reason, changes, seq, pulled_ms, lifted_ms FROM brake"


def add(sql: Sql, brake: Brake, pulled_ms: int) -> None:
    """Note that a session is stopped."""
    sql.execute(
        "INSERT INTO brake (id, space, session, actor, actor_name, reason, changes, seq, pulled_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            brake.id,
            brake.space,
            brake.session,
            brake.actor,
            brake.actor_name,
            brake.reason,
            brake.changes,
            brake.seq,
            pulled_ms,
        ),
    )


def find_pulled(sql: Sql, space: SpaceId, session: str) -> Brake | None:
    """Return what stops *session* in *space*, or None."""
    row = sql.row(f"{_SELECT} WHERE space = ? AND session = ? AND lifted_ms IS NULL", (space, session))
    return None if row is None else _brake(row)


def find_one(sql: Sql, space: SpaceId, brake: str) -> Brake | None:
    """Return one brake of *space*, pulled or lifted, or None."""
    row = sql.row(f"{_SELECT} WHERE space = ? AND id = ?", (space, brake))
    return None if row is None else _brake(row)


def find(sql: Sql, space: SpaceId, before: str, limit: int) -> list[Brake]:
    """Return up to *limit* brakes of *space*, last pulled first, from before the id *before*."""
    rows = sql.rows(f"{_SELECT} WHERE space = ? AND id < ? ORDER BY id DESC LIMIT ?", (space, before, limit))
    return [_brake(row) for row in rows]


def lift(sql: Sql, brake: str, now_ms: int, by: str) -> None:
    """Let the session go on, and forget what it had done."""
    sql.execute("UPDATE brake SET lifted_ms = ?, lifted_by = ? WHERE id = ?", (now_ms, by, brake))


def forget_window(sql: Sql, space: SpaceId, session: str) -> None:
    """Count anew what *session* does in *space*."""
    sql.execute("DELETE FROM brake_window WHERE space = ? AND session = ?", (space, session))
    sql.execute("DELETE FROM brake_sign WHERE space = ? AND session = ?", (space, session))


def count(sql: Sql, space: SpaceId, session: str, second: int, changes: int, since: int) -> int:
    """Count *changes* more at *second*, and return how many there were from the second *since* on."""
    sql.execute(
        "INSERT INTO brake_window (space, session, second, changes) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (space, session, second) DO UPDATE SET changes = brake_window.changes + excluded.changes",
        (space, session, second, changes),
    )
    row = sql.row(
        "SELECT COALESCE(SUM(changes), 0) FROM brake_window WHERE space = ? AND session = ? AND second >= ?",
        (space, session, since),
    )
    return 0 if row is None else int(row[0])


def sign(sql: Sql, space: SpaceId, session: str, node: NodeId, kind: str, second: int, since: int) -> int:
    """Note a *kind* of sign about *node*, and return how many nodes show two kinds from the second *since* on."""
    sql.execute(
        "INSERT INTO brake_sign (space, session, node, kind, second) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (space, session, node, kind) DO UPDATE SET second = excluded.second",
        (space, session, node, kind, second),
    )
    row = sql.row(
        "SELECT COUNT(*) FROM brake_sign a JOIN brake_sign b ON b.space = a.space AND b.session = a.session"
        " AND b.node = a.node AND b.kind > a.kind WHERE a.space = ? AND a.session = ? AND a.second >= ?"
        " AND b.second >= ?",
        (space, session, since, since),
    )
    return 0 if row is None else int(row[0])


def expect(sql: Sql, space: SpaceId, session: str, changes: int, until_ms: int) -> None:
    """Note that *session* said it would make so many *changes*."""
    sql.execute(
        "INSERT INTO brake_expectation (space, session, changes, until_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (space, session) DO UPDATE SET changes = excluded.changes, until_ms = excluded.until_ms",
        (space, session, changes, until_ms),
    )


def announce(sql: Sql, space: SpaceId, session: str, changes: int, until_ms: int) -> None:
    """Add so many *changes* to those that *session* said it would make."""
    sql.execute(
        "INSERT INTO brake_expectation (space, session, changes, until_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (space, session) DO UPDATE SET changes = brake_expectation.changes + excluded.changes,"
        " until_ms = excluded.until_ms",
        (space, session, changes, until_ms),
    )


def use_expected(sql: Sql, space: SpaceId, session: str, changes: int, now_ms: int) -> bool:
    """Take *changes* from those that were announced; False if that many are not left."""
    return bool(
        sql.execute(
            "UPDATE brake_expectation SET changes = changes - ?"
            " WHERE space = ? AND session = ? AND changes >= ? AND until_ms > ?",
            (changes, space, session, changes, now_ms),
        )
    )


def count_files(sql: Sql, space: SpaceId, most: int) -> int:
    """Return how many files and folders *space* has, *most* at most."""
    row = sql.row(
        "SELECT COUNT(*) FROM (SELECT 1 FROM entry WHERE space = ? AND to_seq IS NULL LIMIT ?) found", (space, most)
    )
    return 0 if row is None else int(row[0])


def set_limit(sql: Sql, space: SpaceId, changes: int | None) -> None:
    """Say how many changes a minute one session may make in *space*; 0 is any number, None the default."""
    sql.execute("UPDATE space SET brake_changes = ? WHERE id = ?", (changes, space))


def remove_old(sql: Sql, second: int, now_ms: int) -> None:
    """Remove what no window reaches back to any more."""
    sql.execute("DELETE FROM brake_window WHERE second < ?", (second,))
    sql.execute("DELETE FROM brake_sign WHERE second < ?", (second,))
    sql.execute("DELETE FROM brake_expectation WHERE until_ms < ?", (now_ms,))


def remove_space(sql: Sql, space: SpaceId) -> None:
    """Remove every row of *space*, which is no more."""
    for table in ("brake", "brake_window", "brake_sign", "brake_expectation"):
        sql.execute(f"DELETE FROM {table} WHERE space = ?", (space,))  # noqa: S608 - our own names


def _brake(row: Row) -> Brake:
    identifier, space, session, actor, actor_name, reason, changes, seq, pulled_ms, lifted_ms = row
    return Brake(
        id=identifier,
        space=SpaceId(space),
        session=session,
        actor=actor,
        actor_name=actor_name,
        reason=reason,
        changes=int(changes),
        seq=int(seq),
        pulled=from_ms(pulled_ms),
        lifted=None if lifted_ms is None else from_ms(lifted_ms),
    )
