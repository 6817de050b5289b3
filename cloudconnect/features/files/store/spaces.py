"""The table of spaces."""

from cloudconnect.features.files.models import Space, SpaceKind
from cloudconnect.features.files.store import brakes
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId, UserId
from cloudconnect.ports.sql import Row, Sql

_SELECT = (
    "SELECT s.id, s.name, s.kind, s.owner, s.root, s.created_ms, COALESCE(l.seq, 0), s.used_bytes, s.quota_bytes,"
    " s.brake_changes, s.archived_ms"
    " FROM space s LEFT JOIN space_log l ON l.space = s.id"
)


def add_space(sql: Sql, space: Space) -> None:
    """Add *space*."""
    sql.execute(
        "INSERT INTO space (id, name, kind, owner, root, created_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (space.id, space.name, space.kind, space.owner, space.root, to_ms(space.created)),
    )


def find_space(sql: Sql, space: SpaceId) -> Space | None:
    """Return the space with this id, or None."""
    row = sql.row(f"{_SELECT} WHERE s.id = ?", (space,))
    return None if row is None else _space(row)


def find_personal(sql: Sql, owner: UserId) -> Space | None:
    """Return the personal space of *owner*, or None as long as there is none."""
    row = sql.row(f"{_SELECT} WHERE s.owner = ? AND s.kind = ?", (owner, SpaceKind.PERSONAL))
    return None if row is None else _space(row)


def find_named(sql: Sql, name: str) -> list[Space]:
    """Return the spaces called *name*, oldest first."""
    return [_space(row) for row in sql.rows(f"{_SELECT} WHERE s.name = ? ORDER BY s.id", (name,))]


def count_spaces(sql: Sql) -> int:
    """Return how many spaces there are."""
    row = sql.row("SELECT count(*) FROM space")
    return 0 if row is None else int(row[0])


def find_spaces(sql: Sql, after: str, limit: int) -> list[Space]:
    """Return up to *limit* spaces, oldest first, behind the id *after*."""
    return [_space(row) for row in sql.rows(f"{_SELECT} WHERE s.id > ? ORDER BY s.id LIMIT ?", (after, limit))]


def charge(sql: Sql, space: SpaceId, size: int) -> bool:
    """Let *space* use *size* bytes more, or less if negative; return False, and change nothing, if that is too much."""
    return bool(
        sql.execute(
            "UPDATE space SET used_bytes = used_bytes + ?"
            " WHERE id = ? AND (? <= 0 OR quota_bytes IS NULL OR used_bytes + ? <= quota_bytes)",
            (size, space, size, size),
        )
    )


def set_quota(sql: Sql, space: SpaceId, quota_bytes: int | None) -> None:
    """Bound what *space* may use; None takes the bound away."""
    sql.execute("UPDATE space SET quota_bytes = ? WHERE id = ?", (quota_bytes, space))


def rename(sql: Sql, space: SpaceId, name: str) -> None:
    """Call *space* by another *name*."""
    sql.execute("UPDATE space SET name = ? WHERE id = ?", (name, space))


def set_archived(sql: Sql, space: SpaceId, archived_ms: int | None) -> None:
    """Say since when *space* is archived, or that it is not."""
    sql.execute("UPDATE space SET archived_ms = ? WHERE id = ?", (archived_ms, space))


def find_miscounted(sql: Sql) -> list[tuple[SpaceId, int, int]]:
    """Return the spaces that are charged with another number of bytes than they use: that number, and the right one."""
    rows = sql.rows(
        "WITH held (space, total) AS ("
        "SELECT e.space, SUM(v.size) FROM entry e JOIN version v ON v.node = e.node AND v.seq = e.version"
        " WHERE e.to_seq IS NULL"
        " OR EXISTS (SELECT 1 FROM trash t WHERE t.node = e.node AND t.trashed_seq = e.to_seq)"
        " GROUP BY e.space)"
        " SELECT s.id, s.used_bytes, COALESCE(held.total, 0) FROM space s LEFT JOIN held ON held.space = s.id"
        " WHERE s.used_bytes <> COALESCE(held.total, 0) ORDER BY s.id"
    )
    return [(SpaceId(identifier), used, int(right)) for identifier, used, right in rows]


def remove_space(sql: Sql, space: SpaceId) -> None:
    """Remove the row of *space*, its trash and its locks."""
    sql.execute("DELETE FROM node_lock WHERE space = ?", (space,))
    brakes.remove_space(sql, space)
    sql.execute("DELETE FROM trash WHERE space = ?", (space,))
    sql.execute("DELETE FROM purge WHERE space = ?", (space,))
    sql.execute("DELETE FROM retention WHERE space = ?", (space,))
    sql.execute("DELETE FROM space WHERE id = ?", (space,))


def set_used(sql: Sql, space: SpaceId, used_bytes: int) -> None:
    """Charge *space* with what it really uses."""
    sql.execute("UPDATE space SET used_bytes = ? WHERE id = ?", (used_bytes, space))


def _space(row: Row) -> Space:
    identifier, name, kind, owner, root, created_ms, seq, used_bytes, quota_bytes, brake_changes, archived_ms = row
    return Space(
        SpaceId(identifier),
        name,
        SpaceKind(kind),
        UserId(owner),
        NodeId(root),
        seq,
        from_ms(created_ms),
        used_bytes,
        quota_bytes,
        brake_changes,
        None if archived_ms is None else from_ms(archived_ms),
    )
