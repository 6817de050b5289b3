"""The tables of versions by age, of pins, and of how long things are kept."""

from collections.abc import Iterable

from cloudconnect.features.files.models import KeptVersion, Retention
from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Row, Sql

_SELECT = (
    "SELECT v.node, v.seq, v.size, v.sha256, v.media_type, v.author, v.created_ms, v.pruned_ms, p.note"
    " FROM version v LEFT JOIN version_pin p ON p.node = v.node AND p.seq = v.seq"
)


def find_versions(sql: Sql, node: NodeId, before: int, limit: int) -> list[KeptVersion]:
    """Return up to *limit* versions of *node*, newest first, from before the seq *before*."""
    rows = sql.rows(f"{_SELECT} WHERE v.node = ? AND v.seq < ? ORDER BY v.seq DESC LIMIT ?", (node, before, limit))
    return [_version(row) for row in rows]


def find_version(sql: Sql, node: NodeId, seq: int) -> KeptVersion | None:
    """Return one version of *node*, or None."""
    row = sql.row(f"{_SELECT} WHERE v.node = ? AND v.seq = ?", (node, seq))
    return None if row is None else _version(row)


def find_latest(sql: Sql, node: NodeId) -> int | None:
    """Return the version that is what *node* holds now, or held when it was removed."""
    row = sql.row("SELECT version FROM entry WHERE node = ? ORDER BY from_seq DESC LIMIT 1", (node,))
    return None if row is None or row[0] is None else int(row[0])


def find_changed_files(sql: Sql, after: str, limit: int) -> list[tuple[NodeId, SpaceId]]:
    """Return up to *limit* files behind the node *after* that have more than one version that is kept."""
    rows = sql.rows(
        "SELECT v.node, (SELECT space FROM entry WHERE entry.node = v.node LIMIT 1) FROM version v"
        " WHERE v.node > ? AND v.pruned_ms IS NULL GROUP BY v.node HAVING COUNT(*) > 1 ORDER BY v.node LIMIT ?",
        (after, limit),
    )
    return [(NodeId(node), SpaceId(space)) for node, space in rows]


def pin(sql: Sql, node: NodeId, seq: int, note: str, now_ms: int, author: str) -> None:
    """Keep a version whatever its age."""
    sql.execute(
        "INSERT INTO version_pin (node, seq, note, pinned_ms, pinned_by) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (node, seq) DO UPDATE SET note = excluded.note",
        (node, seq, note, now_ms, author),
    )


def unpin(sql: Sql, node: NodeId, seq: int) -> None:
    """Let a version age like the others."""
    sql.execute("DELETE FROM version_pin WHERE node = ? AND seq = ?", (node, seq))


def prune(sql: Sql, versions: Iterable[tuple[NodeId, int]], now_ms: int) -> None:
    """Let go of the content of *versions*; that they were stays told."""
    sql.execute_many(
        "UPDATE version SET pruned_ms = ?, manifest = ?, content = NULL WHERE node = ? AND seq = ?"
        " AND pruned_ms IS NULL",
        [(now_ms, b"", node, seq) for node, seq in versions],
    )


def get_retention(sql: Sql, space: SpaceId) -> Retention:
    """Return what holds for *space*; None where the appliance's own default does."""
    row = sql.row("SELECT versions, trash_days, trash FROM retention WHERE space = ?", (space,))
    return Retention(None, None) if row is None else Retention(row[0], None if row[1] is None else int(row[1]), row[2])


def set_retention(sql: Sql, space: SpaceId, retention: Retention) -> None:
    """Say what holds for *space* from now on."""
    sql.execute(
        "INSERT INTO retention (space, versions, trash_days, trash) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (space) DO UPDATE SET versions = excluded.versions, trash_days = excluded.trash_days,"
        " trash = excluded.trash",
        (space, retention.versions, retention.trash_days, retention.trash),
    )


def _version(row: Row) -> KeptVersion:
    node, seq, size, sha256, media_type, author, created_ms, pruned_ms, note = row
    return KeptVersion(
        node=NodeId(node),
        seq=int(seq),
        size=int(size),
        sha256=bytes(sha256),
        media_type=media_type,
        author=author,
        created=from_ms(created_ms),
        pruned=None if pruned_ms is None else from_ms(pruned_ms),
        pin=note,
    )
