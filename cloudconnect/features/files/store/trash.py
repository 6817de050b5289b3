"""The table of what was removed and can be restored."""

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
    sql.execute(
        "INSERT INTO trash (node, space, parent, name, trashed_seq, trashed_ms, trashed_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            trashed.node,
            space,
            trashed.parent,
            trashed.name,
            trashed.seq,
            to_ms(trashed.trashed),
            trashed.trashed_by,
        ),
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


def remove(sql: Sql, node: NodeId) -> None:
    """Forget that a node was in the trash."""
    sql.execute("DELETE FROM trash WHERE node = ?", (node,))


def _trashed(row: Row) -> Trashed:
    node, parent, name, seq, trashed_ms, trashed_by, version, size = row
    kind = EntryKind.FOLDER if version is None else EntryKind.FILE
    return Trashed(NodeId(node), NodeId(parent), name, "", kind, size, seq, from_ms(trashed_ms), trashed_by)
