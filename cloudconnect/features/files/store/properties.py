"""What clients keep beside a node: text by name, which nobody but them reads."""

from collections.abc import Iterable, Mapping, Sequence

from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql

_ASKED_AT_ONCE = 400


def find(sql: Sql, nodes: Sequence[NodeId]) -> dict[NodeId, dict[str, str]]:
    """Return the properties of those of *nodes* that have any."""
    found: dict[NodeId, dict[str, str]] = {}
    for start in range(0, len(nodes), _ASKED_AT_ONCE):
        part = nodes[start : start + _ASKED_AT_ONCE]
        rows = sql.rows(
            f"SELECT node, name, value FROM node_property WHERE node IN ({', '.join('?' * len(part))})"  # noqa: S608 - question marks only
            " ORDER BY node, name",
            part,
        )
        for node, name, value in rows:
            found.setdefault(NodeId(node), {})[name] = value
    return found


def write(sql: Sql, node: NodeId, values: Mapping[str, str | None]) -> None:
    """Set the properties of *node* that *values* names; None removes one."""
    sql.execute_many(
        "DELETE FROM node_property WHERE node = ? AND name = ?",
        [(node, name) for name, value in values.items() if value is None],
    )
    sql.execute_many(
        "INSERT INTO node_property (node, name, value) VALUES (?, ?, ?)"
        " ON CONFLICT (node, name) DO UPDATE SET value = excluded.value",
        [(node, name, value) for name, value in values.items() if value is not None],
    )


def copy(sql: Sql, pairs: Iterable[tuple[NodeId, NodeId]]) -> None:
    """Give each second node of *pairs* what its first one has; it has none yet."""
    sql.execute_many(
        "INSERT INTO node_property (node, name, value) SELECT ?, name, value FROM node_property WHERE node = ?",
        [(copied, node) for node, copied in pairs],
    )


def forget(sql: Sql, nodes: Sequence[NodeId]) -> None:
    """Remove what is kept beside *nodes*, which are no more."""
    sql.execute_many("DELETE FROM node_property WHERE node = ?", [(node,) for node in nodes])


def forget_all(sql: Sql, space: SpaceId) -> None:
    """Remove the rows of every node that is or was in *space*."""
    sql.execute("DELETE FROM node_property WHERE node IN (SELECT node FROM entry WHERE space = ?)", (space,))
