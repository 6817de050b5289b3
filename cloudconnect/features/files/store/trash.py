"""The table of what was removed and can be restored."""

from collections.abc import Iterable

from cloudconnect.features.files.models import EntryKind, Trashed
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Row, Sql

_SELECT = (
    "SELECT t.node, t.parent, t.name, t.trashed_seq, t.trashed_ms, t.trashed_by, e.version, v.size"
    " FROM trash t JOIN entry e ON e.node = t.node AND e.to_seq = t.trashed_seq"
    " LEFT JOIN version v ON v.node = e.node AND v.seq = e.version"
)


def add(sql: Sql, space: SpaceId, trashed: Trashed) -> None:
    """Note that a node went to the trash."""
    add_many(sql, space, [trashed])


def add_many(sql: Sql, space: SpaceId, gone: Iterable[Trashed]) -> None:
    """Note that nodes went to the trash."""
    sql.execute_many(
        "INSERT INTO trash (node, space, parent, name, trashed_seq, trashed_ms, trashed_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(each.node, space, each.parent, each.name, each.seq, to_ms(each.trashed), each.trashed_by) for each in gone],
    )


def find(sql: Sql, space: SpaceId, before_seq: int, limit: int) -> list[Trashed]:
    """Return up to *limit* things in the trash of *space*, last removed first, from before *before_seq*; no paths."""
    rows = sql.rows(
        f"{_SELECT} WHERE t.space = ? AND t.trashed_seq < ? ORDER BY t.trashed_seq DESC LIMIT ?",
        (space, before_seq, limit),
    )
    return [_trashed(row) for row in rows]


def find_one(sql: Sql, space: SpaceId, node: NodeId) -> Trashed | None:
    """Return one thing in the trash of *space*, or None."""
    row = sql.row(f"{_SELECT} WHERE t.space = ? AND t.node = ?", (space, node))
    return None if row is None else _trashed(row)


def find_old(sql: Sql, space: SpaceId, before_ms: int, limit: int) -> list[Trashed]:
    """Return up to *limit* things removed from *space* before *before_ms*, the longest ago first; no paths."""
    rows = sql.rows(
        f"{_SELECT} WHERE t.space = ? AND t.trashed_ms < ? ORDER BY t.trashed_seq LIMIT ?", (space, before_ms, limit)
    )
    return [_trashed(row) for row in rows]


def find_behind(sql: Sql, space: SpaceId, before_ms: int, after_seq: int, limit: int) -> list[Trashed]:
    """Return up to *limit* things removed from *space* before *before_ms*, by seq, behind *after_seq*; no paths."""
    rows = sql.rows(
        f"{_SELECT} WHERE t.space = ? AND t.trashed_ms < ? AND t.trashed_seq > ? ORDER BY t.trashed_seq LIMIT ?",
        (space, before_ms, after_seq, limit),
    )
    return [_trashed(row) for row in rows]


def find_spaces(sql: Sql) -> list[SpaceId]:
    """Return the spaces with something in their trash; an archived one keeps what it has and is left out."""
    rows = sql.rows(
        "SELECT DISTINCT t.space FROM trash t JOIN space s ON s.id = t.space AND s.archived_ms IS NULL ORDER BY t.space"
    )
    return [SpaceId(space) for (space,) in rows]


def remove(sql: Sql, node: NodeId) -> None:
    """Forget that a node was in the trash."""
    remove_many(sql, [node])


def remove_many(sql: Sql, nodes: Iterable[NodeId]) -> None:
    """Forget that nodes were in the trash."""
    sql.execute_many("DELETE FROM trash WHERE node = ?", [(node,) for node in nodes])


def _trashed(row: Row) -> Trashed:
    node, parent, name, seq, trashed_ms, trashed_by, version, size = row
    kind = EntryKind.FOLDER if version is None else EntryKind.FILE
    return Trashed(NodeId(node), NodeId(parent), name, "", kind, size, seq, from_ms(trashed_ms), trashed_by)
