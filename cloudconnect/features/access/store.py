"""The table of grants."""

from collections.abc import Iterator

from cloudconnect.features.access.models import Grant
from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.ids import NodeId, SpaceId, new_id
from cloudconnect.ports.access import Role
from cloudconnect.ports.sql import Sql


def find_grants(sql: Sql, principal: str, space: SpaceId) -> list[Grant]:
    """Return every grant that *principal* holds in *space*, ended ones included."""
    rows = sql.rows(
        "SELECT node, role, expires_ms FROM access_grant WHERE principal = ? AND space = ?", (principal, space)
    )
    return [_grant(*row) for row in rows]


def find_root_grants(sql: Sql, principal: str) -> Iterator[tuple[SpaceId, Grant]]:
    """Yield the grants that *principal* holds on the roots of spaces, with the space each is in."""
    rows = sql.rows(
        "SELECT g.space, g.node, g.role, g.expires_ms FROM access_grant g JOIN space s ON s.id = g.space"
        " WHERE g.principal = ? AND g.node = s.root",
        (principal,),
    )
    return ((SpaceId(space), _grant(*rest)) for space, *rest in rows)


def add_grant(sql: Sql, principal: str, space: SpaceId, node: NodeId, role: Role, now_ms: int) -> None:
    """Add a grant without an end."""
    sql.execute(
        "INSERT INTO access_grant (id, principal, space, node, role, created_ms, expires_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (new_id("grn", now_ms), principal, space, node, role.value, now_ms),
    )


def _grant(node: str, role: str, expires_ms: int | None) -> Grant:
    return Grant(NodeId(node), Role(role), None if expires_ms is None else from_ms(expires_ms))


def remove_grants(sql: Sql, space: SpaceId) -> None:
    """Remove every grant in *space*."""
    sql.execute("DELETE FROM access_grant WHERE space = ?", (space,))
