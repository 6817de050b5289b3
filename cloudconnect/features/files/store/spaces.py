"""The table of spaces."""

from cloudconnect.features.files.models import Space, SpaceKind
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId, UserId
from cloudconnect.ports.sql import Sql

_SELECT = (
    "SELECT s.id, s.name, s.kind, s.owner, s.root, s.created_ms, COALESCE(l.seq, 0)"
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
    return None if row is None else _space(*row)


def find_personal(sql: Sql, owner: UserId) -> Space | None:
    """Return the personal space of *owner*, or None as long as there is none."""
    row = sql.row(f"{_SELECT} WHERE s.owner = ? AND s.kind = ?", (owner, SpaceKind.PERSONAL))
    return None if row is None else _space(*row)


def count_spaces(sql: Sql) -> int:
    """Return how many spaces there are."""
    row = sql.row("SELECT count(*) FROM space")
    return 0 if row is None else int(row[0])


def _space(identifier: str, name: str, kind: str, owner: str, root: str, created_ms: int, seq: int) -> Space:
    return Space(SpaceId(identifier), name, SpaceKind(kind), UserId(owner), NodeId(root), seq, from_ms(created_ms))
