"""When anything below a folder changed last: one row for each folder, kept up with every change below it."""

from collections.abc import Iterable, Sequence

from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql

_ASKED_AT_ONCE = 400


def touch(sql: Sql, folders: Iterable[tuple[NodeId, int]]) -> None:
    """Note that something in each of *folders* changed at its seq, for the folder and for all above it."""
    sql.execute_many(
        "INSERT INTO folder_state (node, seq)"
        " WITH RECURSIVE up (node, parent) AS (SELECT node, parent FROM entry WHERE node = ? AND to_seq IS NULL"
        " UNION ALL SELECT e.node, e.parent FROM up JOIN entry e ON e.node = up.parent AND e.to_seq IS NULL)"
        " SELECT node, CAST(? AS BIGINT) FROM up WHERE true"
        " ON CONFLICT (node) DO UPDATE SET seq = excluded.seq",
        list(folders),
    )


def find_states(sql: Sql, folders: Sequence[NodeId]) -> dict[NodeId, int]:
    """Return the seq of the last change below each of *folders* that saw one."""
    found: dict[NodeId, int] = {}
    for start in range(0, len(folders), _ASKED_AT_ONCE):
        part = folders[start : start + _ASKED_AT_ONCE]
        marks = ", ".join("?" * len(part))
        rows = sql.rows(f"SELECT node, seq FROM folder_state WHERE node IN ({marks})", part)  # noqa: S608 - question marks only
        found.update((NodeId(node), seq) for node, seq in rows)
    return found


def forget(sql: Sql, nodes: Sequence[NodeId]) -> None:
    """Remove the rows of *nodes*, which are no more."""
    sql.execute_many("DELETE FROM folder_state WHERE node = ?", [(node,) for node in nodes])


def forget_all(sql: Sql, space: SpaceId) -> None:
    """Remove the rows of every node that is or was in *space*."""
    sql.execute("DELETE FROM folder_state WHERE node IN (SELECT node FROM entry WHERE space = ?)", (space,))
