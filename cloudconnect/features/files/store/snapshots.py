"""The table of named moments."""

from dataclasses import dataclass

from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.sql import Sql

_SELECT = (
    "SELECT s.name, s.seq, s.created_ms, s.created_by, COALESCE(e.hlc, 0)"
    " FROM snapshot s LEFT JOIN event e ON e.space = s.space AND e.seq = s.seq"
)


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A snapshot as the table has it, with the clock of its seq."""

    name: str
    seq: int
    created_ms: int
    created_by: str
    hlc: int


def add_snapshot(sql: Sql, space: SpaceId, name: str, seq: int, created_ms: int, created_by: str) -> None:
    """Give the moment *seq* of *space* a name that it does not have yet."""
    sql.execute(
        "INSERT INTO snapshot (space, name, seq, created_ms, created_by) VALUES (?, ?, ?, ?, ?)",
        (space, name, seq, created_ms, created_by),
    )


def find_snapshot(sql: Sql, space: SpaceId, name: str) -> SnapshotRow | None:
    """Return the snapshot of *space* that is called *name*, or None."""
    row = sql.row(f"{_SELECT} WHERE s.space = ? AND s.name = ?", (space, name))
    return None if row is None else SnapshotRow(*row)


def find_snapshots(sql: Sql, space: SpaceId, after: str, limit: int) -> list[SnapshotRow]:
    """Return up to *limit* snapshots of *space* by name, behind the name *after*."""
    rows = sql.rows(
        f"{_SELECT} WHERE s.space = ? AND s.name > ? ORDER BY s.name LIMIT ?",
        (space, after, limit),
    )
    return [SnapshotRow(*row) for row in rows]


def find_seq(sql: Sql, space: SpaceId, name: str) -> int | None:
    """Return the moment of *space* that is called *name*, None where none is."""
    row = sql.row("SELECT seq FROM snapshot WHERE space = ? AND name = ?", (space, name))
    return None if row is None else int(row[0])


def held_seqs(sql: Sql, space: SpaceId) -> list[int]:
    """Return the moments of *space* that have names, in order: what was true then must stay readable."""
    return [int(seq) for (seq,) in sql.rows("SELECT DISTINCT seq FROM snapshot WHERE space = ? ORDER BY seq", (space,))]


def remove_snapshot(sql: Sql, space: SpaceId, name: str) -> None:
    """Take the name from its moment."""
    sql.execute("DELETE FROM snapshot WHERE space = ? AND name = ?", (space, name))


def remove_all(sql: Sql, space: SpaceId) -> None:
    """Remove every snapshot of *space*, which is no more."""
    sql.execute("DELETE FROM snapshot WHERE space = ?", (space,))
