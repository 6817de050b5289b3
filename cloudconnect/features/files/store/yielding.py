"""Looking at what lies in the trash before it is given up: what goes with it, and what must not."""

from collections.abc import Sequence
from itertools import islice

from cloudconnect.features.files.models import Trashed
from cloudconnect.features.files.store import trash
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql

_ASKED_AT_ONCE = 400


def gather(sql: Sql, trashed: Trashed, most: int) -> tuple[list[NodeId], int] | None:
    """Return the node of *trashed* with all that lies below it, and their plain bytes; None for more than *most*."""
    nodes, size = [trashed.node], trashed.size or 0
    level = [trashed.node] if trashed.size is None else []
    while level:
        below: list[NodeId] = []
        for start in range(0, len(level), _ASKED_AT_ONCE):
            part = level[start : start + _ASKED_AT_ONCE]
            for node, version, held in _children(sql, part):
                nodes.append(node)
                size += held
                if version is None:
                    below.append(node)
            if len(nodes) > most:
                return None
        level = below
    return nodes, size


def is_sparing(sql: Sql, space: SpaceId) -> bool:
    """Tell whether there may be anything in the trash of *space* that has to stay."""
    return (
        sql.row("SELECT 1 FROM version_pin LIMIT 1") is not None
        or sql.row("SELECT 1 FROM snapshot WHERE space = ? LIMIT 1", (space,)) is not None
    )


def is_held(sql: Sql, space: SpaceId, nodes: Sequence[NodeId], trashed_seq: int) -> bool:
    """Tell whether a version of *nodes* is pinned, or a moment with a name from before *trashed_seq* shows one."""
    remaining = iter(nodes)
    while part := list(islice(remaining, _ASKED_AT_ONCE)):
        marks = ", ".join("?" * len(part))
        found = sql.row(
            f"SELECT 1 WHERE EXISTS (SELECT 1 FROM version_pin WHERE node IN ({marks}))"  # noqa: S608 - question marks only
            " OR EXISTS (SELECT 1 FROM snapshot s JOIN entry e ON e.from_seq <= s.seq"
            f" AND (e.to_seq IS NULL OR e.to_seq > s.seq) WHERE s.space = ? AND s.seq < ? AND e.node IN ({marks}))",
            (*part, space, trashed_seq, *part),
        )
        if found is not None:
            return True
    return False


def find_oldest(sql: Sql, before_ms: int, after: tuple[int, str], limit: int) -> list[tuple[SpaceId, Trashed]]:
    """Return up to *limit* things in any trash from before *before_ms*, the longest ago first, behind *after*."""
    rows = sql.rows(
        "SELECT space, node FROM trash WHERE trashed_ms < ? AND (trashed_ms > ? OR (trashed_ms = ? AND node > ?))"
        " ORDER BY trashed_ms, node LIMIT ?",
        (before_ms, after[0], after[0], after[1], limit),
    )
    found = [(SpaceId(space), trash.find_one(sql, SpaceId(space), NodeId(node))) for space, node in rows]
    return [(space, trashed) for space, trashed in found if trashed is not None]


def note_given(sql: Sql, now_ms: int, size: int) -> None:
    """Note that *size* plain bytes were given up for the disk, which gc frees only later."""
    sql.execute(
        "INSERT INTO trash_given (given_ms, bytes) VALUES (?, ?)"
        " ON CONFLICT (given_ms) DO UPDATE SET bytes = trash_given.bytes + excluded.bytes",
        (now_ms, size),
    )


def find_given(sql: Sql, since_ms: int) -> int:
    """Return how many plain bytes were given up for the disk since *since_ms*."""
    row = sql.row("SELECT COALESCE(SUM(bytes), 0) FROM trash_given WHERE given_ms >= ?", (since_ms,))
    return 0 if row is None else int(row[0])


def forget_given(sql: Sql, before_ms: int) -> None:
    """Forget what was given up for the disk before *before_ms*: gc has been there since."""
    sql.execute("DELETE FROM trash_given WHERE given_ms < ?", (before_ms,))


def _children(sql: Sql, folders: Sequence[NodeId]) -> list[tuple[NodeId, int | None, int]]:
    rows = sql.rows(
        "SELECT e.node, e.version, v.size FROM entry e LEFT JOIN version v ON v.node = e.node AND v.seq = e.version"  # noqa: S608 - question marks only
        f" WHERE e.to_seq IS NULL AND e.parent IN ({', '.join('?' * len(folders))})",
        folders,
    )
    return [(NodeId(node), version, int(size or 0)) for node, version, size in rows]
