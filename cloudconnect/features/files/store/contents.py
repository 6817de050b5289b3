"""Which contents the files room holds: the engine keeps those, and only those."""

from collections.abc import Sequence
from dataclasses import dataclass

from cloudconnect.kernel.ids import id_bytes
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class HeldContents:
    """Answers gc: every version, present or past, and what is in the trash holds its content."""

    def find_held(self, sql: Sql, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the content *keys* that some version names."""
        marks = ", ".join("?" * len(keys))
        return {row[0] for row in sql.rows(f"SELECT DISTINCT content FROM version WHERE content IN ({marks})", keys)}  # noqa: S608 - question marks only

    def find_unlisted(self, sql: Sql, after: bytes, limit: int) -> list[tuple[bytes, bytes, bytes]]:
        """Return key, space and manifest of contents of more than one chunk whose pieces the index does not list."""
        rows = sql.rows(
            "SELECT v.content, MIN(e.space), MIN(v.manifest) FROM version v JOIN entry e ON e.node = v.node"
            " WHERE v.content > ? AND v.manifest >= ?"
            " AND NOT EXISTS (SELECT 1 FROM piece WHERE piece.content = v.content)"
            " GROUP BY v.content ORDER BY v.content LIMIT ?",
            (after, TREE, limit),
        )
        return [(row[0], id_bytes(row[1]), row[2]) for row in rows]


TREE = b"\x02"
"""The first byte of the manifest of a content of more than one chunk."""
