"""Taking the words out of facts: what happened in a space that was destroyed stays told, in ids and numbers."""

import json

from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.redacting import redacted
from cloudconnect.ports.sql import Sql


def forget_words(sql: Sql, space: SpaceId, after: int, limit: int) -> int:
    """Empty the texts of up to *limit* facts of *space* behind its seq *after*; return the last seq, 0 at the end."""
    rows = sql.rows(
        "SELECT seq, position, subject, payload FROM event WHERE space = ? AND seq > ? ORDER BY seq LIMIT ?",
        (space, after, limit),
    )
    changed = [(*_without_words(str(subject), str(payload)), position) for _, position, subject, payload in rows]
    sql.execute_many("UPDATE event SET subject = ?, payload = ? WHERE position = ?", changed)
    sql.execute_many("UPDATE parked SET error = '' WHERE position = ?", [(position,) for _, position, _, _ in rows])
    return int(rows[-1][0]) if len(rows) == limit else 0


def find_actors(sql: Sql, space: SpaceId) -> list[str]:
    """Return the ids of all who did anything in *space*."""
    return [str(actor) for (actor,) in sql.rows("SELECT DISTINCT actor FROM event WHERE space = ?", (space,))]


def _without_words(subject: str, payload: str) -> tuple[str, str]:
    (kept,) = redacted({"subject": subject}).values()
    return str(kept), json.dumps(redacted(json.loads(payload)), separators=(",", ":"))
