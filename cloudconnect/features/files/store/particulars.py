"""Favourites, and BLAKE3 of contents for which somebody asked."""

from collections.abc import Sequence

from cloudconnect.features.files.models import Version
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql


def add_favourite(sql: Sql, account: str, space: SpaceId, node: NodeId, now_ms: int) -> None:
    """Let *node* be a favourite of *account*, since now unless it is one already."""
    sql.execute(
        "INSERT INTO favourite (account, node, space, created_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (account, node, space, now_ms),
    )


def remove_favourite(sql: Sql, account: str, node: NodeId) -> None:
    """Let *node* be a favourite of *account* no longer."""
    sql.execute("DELETE FROM favourite WHERE account = ? AND node = ?", (account, node))


def find_favourites(
    sql: Sql, account: str, spaces: Sequence[SpaceId], after: str, limit: int
) -> list[tuple[SpaceId, NodeId]]:
    """Return up to *limit* favourites of *account* in *spaces*, by node, behind the node *after*."""
    if not spaces:
        return []
    rows = sql.rows(
        "SELECT space, node FROM favourite WHERE account = ? AND node > ?"  # noqa: S608 - question marks only
        f" AND space IN ({', '.join('?' * len(spaces))}) ORDER BY node LIMIT ?",
        (account, after, *spaces, limit),
    )
    return [(SpaceId(space), NodeId(node)) for space, node in rows]


def find_blake3(sql: Sql, version: Version) -> bytes | None:
    """Return the BLAKE3 of what *version* holds, where it was kept for it or for another of the same content."""
    row = sql.row(
        "SELECT blake3 FROM version WHERE blake3 IS NOT NULL AND ((node = ? AND seq = ?) OR content = ?)",
        (version.node, version.seq, version.content or b""),
    )
    return None if row is None else bytes(row[0])


def keep_blake3(sql: Sql, version: Version, digest: bytes) -> None:
    """Keep the BLAKE3 of what *version* holds; it goes when the version goes."""
    sql.execute("UPDATE version SET blake3 = ? WHERE node = ? AND seq = ?", (digest, version.node, version.seq))
