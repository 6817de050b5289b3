"""What is on its way from one space to another: contents that are stored and have no names yet.

They are held as those of an upload are, in its tables, by an upload that nobody sees; the ``content_id`` of a row is
the node that the content was read from, and behind its 16 bytes how it is read. One that is given up expires.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from cloudconnect.features.files.crossings import Held, Landed
from cloudconnect.features.files.models import Upload, UploadKind, UploadPlan, UploadState
from cloudconnect.features.files.store import uploads
from cloudconnect.kernel.clock import to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId, id_bytes, id_of
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.sql import Sql

_NODE_BYTES = 16


def add(sql: Sql, identifier: str, space: SpaceId, now: datetime, expires: datetime) -> None:
    """Begin to hold contents for *space* under *identifier*."""
    plan = UploadPlan(path="/")
    uploads.add(
        sql,
        Upload(
            id=identifier,
            kind=UploadKind.CROSSING,
            state=UploadState.OPEN,
            principal=APPLIANCE.id,
            space=space,
            plan=plan,
            length=None,
            received=0,
            created=now,
            expires=expires,
        ),
    )


def is_open(sql: Sql, identifier: str, now: datetime) -> bool:
    """Tell whether what *identifier* holds is still there and has no names yet."""
    row = sql.row("SELECT 1 FROM upload WHERE id = ? AND state = 'open' AND expires_ms > ?", (identifier, to_ms(now)))
    return row is not None


def hold(sql: Sql, identifier: str, contents: Sequence[Held], now: datetime, expires: datetime) -> bool:
    """Hold *contents* behind what is held already; return False if what *identifier* held is given up."""
    if not is_open(sql, identifier, now):
        # Nobody would ever let go of what has no upload.
        return False
    first = count(sql, identifier)
    sql.execute_many(
        "INSERT INTO upload_chunk (upload, place, chunk, content_id, size) VALUES (?, ?, ?, ?, ?)",
        [
            (identifier, first + place, each.key or b"", id_bytes(each.node) + each.manifest, each.size)
            for place, each in enumerate(contents)
        ],
    )
    sql.execute(
        "UPDATE upload SET chunks = ?, expires_ms = ? WHERE id = ?",
        (first + len(contents), to_ms(expires), identifier),
    )
    return True


def count(sql: Sql, identifier: str) -> int:
    """Return how many contents are held."""
    row = sql.row("SELECT chunks FROM upload WHERE id = ?", (identifier,))
    return 0 if row is None else int(row[0])


def measure(sql: Sql, identifier: str) -> int:
    """Return how many plain bytes are held."""
    row = sql.row("SELECT SUM(size) FROM upload_chunk WHERE upload = ?", (identifier,))
    return 0 if row is None else int(row[0] or 0)


def find_held(sql: Sql, identifier: str, first: int, limit: int) -> list[Held]:
    """Return up to *limit* contents from the place *first* on, in the order in which they were stored."""
    rows = sql.rows(
        "SELECT chunk, content_id, size FROM upload_chunk WHERE upload = ? AND place >= ? ORDER BY place LIMIT ?",
        (identifier, first, limit),
    )
    return [_held(bytes(key), bytes(packed), size) for key, packed, size in rows]


def finish(sql: Sql, identifier: str, landed: Landed) -> None:
    """Note what the contents became; they are let go, and what became of them is remembered for a while."""
    words = json.dumps([landed.undo, landed.source_undo, landed.is_left])
    sql.execute(
        "UPDATE upload SET state = 'done', node = ?, version = ?, metadata = ? WHERE id = ?",
        (landed.node, landed.seq, words, identifier),
    )


def find_landed(sql: Sql, identifier: str) -> Landed | None:
    """Return what the contents became, or None if they have no names yet."""
    row = sql.row("SELECT node, version, metadata FROM upload WHERE id = ? AND state = 'done'", (identifier,))
    if row is None:
        return None
    undo, source_undo, is_left = json.loads(row[2])
    return Landed(NodeId(row[0]), row[1], undo, source_undo, is_left)


def drop(sql: Sql, identifier: str) -> None:
    """Give up what is held, unless it has its names."""
    sql.execute("UPDATE upload SET state = 'removed' WHERE id = ? AND state = 'open'", (identifier,))


def _held(key: bytes, packed: bytes, size: int) -> Held:
    node = id_of("nod", int.from_bytes(packed[:_NODE_BYTES], "big"))
    return Held(NodeId(node), key or None, packed[_NODE_BYTES:], size)
