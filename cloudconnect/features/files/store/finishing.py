"""The table of uploads that take long to become files, and for whom they do."""

import json
from collections.abc import Mapping

from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.sql import Sql


def mark(sql: Sql, upload: str, space: SpaceId, acting: Mapping[str, str]) -> None:
    """Note that *upload* is becoming a file in *space* for whom *acting* tells."""
    sql.execute(
        "INSERT INTO upload_finishing (upload, space, acting) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (upload, space, json.dumps(dict(acting))),
    )


def find(sql: Sql) -> list[tuple[str, dict[str, str]]]:
    """Return the uploads that were noted, each with for whom it becomes a file."""
    rows = sql.rows("SELECT upload, acting FROM upload_finishing ORDER BY upload")
    return [(upload, json.loads(acting)) for upload, acting in rows]


def unmark(sql: Sql, upload: str) -> None:
    """Forget about *upload*: it is a file, or will be none."""
    sql.execute("DELETE FROM upload_finishing WHERE upload = ?", (upload,))


def remove_space(sql: Sql, space: SpaceId) -> None:
    """Forget about every upload into *space*, which is no more."""
    sql.execute("DELETE FROM upload_finishing WHERE space = ?", (space,))
