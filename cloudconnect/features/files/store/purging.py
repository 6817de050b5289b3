"""The tables of what is being purged: nodes whose rows, and those of all below them, are to go."""

from collections.abc import Sequence

from cloudconnect.features.files.store import tree
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql


def add(sql: Sql, space: SpaceId, nodes: Sequence[NodeId]) -> None:
    """Note that *nodes* are to go."""
    sql.execute_many(
        "INSERT INTO purge (node, space) VALUES (?, ?) ON CONFLICT DO NOTHING", [(node, space) for node in nodes]
    )


def keep(sql: Sql, nodes: Sequence[NodeId]) -> None:
    """Take *nodes* out of what is to go: they are in the tree again."""
    sql.execute_many("DELETE FROM purge WHERE node = ?", [(node,) for node in nodes])


def find(sql: Sql, limit: int) -> list[tuple[NodeId, SpaceId]]:
    """Return up to *limit* nodes that are to go."""
    rows = sql.rows("SELECT node, space FROM purge ORDER BY space, node LIMIT ?", (limit,))
    return [(NodeId(node), SpaceId(space)) for node, space in rows]


def remove(sql: Sql, space: SpaceId, nodes: Sequence[NodeId]) -> int:
    """Remove the rows of *nodes*, note what lies in them as the next to go, and return what they were charged with.

    What was removed from such a folder before, and waits in the trash itself, stays there.
    """
    marks = ", ".join("?" * len(nodes))
    inner = sql.rows(f"SELECT node FROM entry WHERE parent IN ({marks}) AND to_seq IS NULL", nodes)  # noqa: S608 - question marks only
    charged = sql.row(
        "SELECT COALESCE(SUM(v.size), 0) FROM entry e JOIN version v ON v.node = e.node AND v.seq = e.version"  # noqa: S608 - question marks only
        f" WHERE e.node IN ({marks}) AND e.to_seq IS NULL",
        nodes,
    )
    add(sql, space, [NodeId(node) for (node,) in inner])
    tree.remove_nodes(sql, nodes)
    sql.execute_many("DELETE FROM purge WHERE node = ?", [(node,) for node in nodes])
    return 0 if charged is None else int(charged[0])
