"""The table of locks; what has expired is not there for anybody who asks."""

from collections.abc import Sequence

from cloudconnect.features.files.models import Lock
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import LockId, NodeId, SpaceId
from cloudconnect.ports.sql import Row, Sql

_SELECT = (
    "SELECT l.id, l.token, l.space, l.node, l.owner, l.owner_name, l.description, l.is_shared, l.is_deep,"
    " l.created_ms, l.expires_ms FROM node_lock l"
)
_ASKED_AT_ONCE = 400


def find_covering(sql: Sql, line: Sequence[NodeId], now_ms: int) -> list[Lock]:
    """Return the locks that cover the last node of *line*: on it, or deep on one above it."""
    marks = ", ".join("?" * len(line))
    return _find(sql, f"l.node IN ({marks}) AND (l.is_deep = 1 OR l.node = ?)", (*line, line[-1]), now_ms)


def find_on(sql: Sql, nodes: Sequence[NodeId], now_ms: int) -> list[Lock]:
    """Return the locks on any of *nodes* itself."""
    found: list[Lock] = []
    for start in range(0, len(nodes), _ASKED_AT_ONCE):
        part = nodes[start : start + _ASKED_AT_ONCE]
        found += _find(sql, f"l.node IN ({', '.join('?' * len(part))})", part, now_ms)
    return found


def find_below(sql: Sql, space: SpaceId, top: NodeId, now_ms: int) -> list[Lock]:
    """Return the locks on the node *top* and on whatever is below it in the tree."""
    rows = sql.rows(
        "WITH RECURSIVE up (lock, node) AS (SELECT id, node FROM node_lock WHERE space = ? AND expires_ms > ?"  # noqa: S608 - columns and question marks only
        " UNION ALL SELECT up.lock, e.parent FROM up JOIN entry e ON e.node = up.node AND e.to_seq IS NULL"
        " WHERE e.parent IS NOT NULL)"
        f" {_SELECT} WHERE l.id IN (SELECT lock FROM up WHERE node = ?) ORDER BY l.id",
        (space, now_ms, top),
    )
    return [_lock(row) for row in rows]


def find_held(sql: Sql, space: SpaceId, now_ms: int) -> list[Lock]:
    """Return every lock of *space*, oldest first."""
    return _find(sql, "l.space = ?", (space,), now_ms)


def find_in_space(sql: Sql, space: SpaceId, after: str, limit: int, now_ms: int) -> list[Lock]:
    """Return up to *limit* locks of *space*, oldest first, behind the id *after*."""
    return _find(sql, "l.space = ? AND l.id > ?", (space, after), now_ms, f" LIMIT {limit:d}")


def find_one(sql: Sql, space: SpaceId, lock: str, now_ms: int) -> Lock | None:
    """Return one lock of *space*, or None."""
    found = _find(sql, "l.space = ? AND l.id = ?", (space, lock), now_ms)
    return found[0] if found else None


def count_held(sql: Sql, owner: str, now_ms: int) -> int:
    """Return how many locks *owner* holds."""
    row = sql.row("SELECT count(*) FROM node_lock WHERE owner = ? AND expires_ms > ?", (owner, now_ms))
    return 0 if row is None else int(row[0])


def add(sql: Sql, lock: Lock) -> None:
    """Add *lock*."""
    sql.execute(
        "INSERT INTO node_lock (id, token, space, node, owner, owner_name, description, is_shared, is_deep,"
        " created_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            lock.id,
            lock.token,
            lock.space,
            lock.node,
            lock.owner,
            lock.owner_name,
            lock.description,
            int(lock.is_shared),
            int(lock.is_deep),
            to_ms(lock.created),
            to_ms(lock.expires),
        ),
    )


def prolong(sql: Sql, lock: LockId, expires_ms: int) -> None:
    """Give *lock* another end."""
    sql.execute("UPDATE node_lock SET expires_ms = ? WHERE id = ?", (expires_ms, lock))


def remove(sql: Sql, locks: Sequence[LockId]) -> None:
    """Remove *locks*."""
    sql.execute_many("DELETE FROM node_lock WHERE id = ?", [(lock,) for lock in locks])


def remove_expired(sql: Sql, now_ms: int) -> None:
    """Remove what nobody sees any more."""
    sql.execute("DELETE FROM node_lock WHERE expires_ms <= ?", (now_ms,))


def _find(sql: Sql, condition: str, parameters: Sequence[str], now_ms: int, tail: str = "") -> list[Lock]:
    rows = sql.rows(f"{_SELECT} WHERE {condition} AND l.expires_ms > ? ORDER BY l.id{tail}", (*parameters, now_ms))
    return [_lock(row) for row in rows]


def _lock(row: Row) -> Lock:
    identifier, token, space, node, owner, owner_name, description, is_shared, is_deep, created_ms, expires_ms = row
    return Lock(
        id=LockId(identifier),
        token=token,
        space=SpaceId(space),
        node=NodeId(node),
        path="",
        owner=owner,
        owner_name=owner_name,
        description=description,
        is_shared=bool(is_shared),
        is_deep=bool(is_deep),
        created=from_ms(created_ms),
        expires=from_ms(expires_ms),
    )
