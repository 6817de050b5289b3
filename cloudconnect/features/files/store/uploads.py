"""The tables of uploads in progress: what each is to become, and the chunks that hold what has arrived."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudconnect.features.files.models import Condition, Upload, UploadKind, UploadPlan, UploadState
from cloudconnect.features.files.store.contents import TREE
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId, id_bytes
from cloudconnect.ports.sql import Row, Sql

_COLUMNS = (
    "id, kind, state, principal, space, path, wanted, parents, modified_ns, media_type, metadata, length, received,"
    " created_ms, expires_ms, chunks, stored_bytes, reused_bytes, parts, node, version"
)
_MARKS = ", ".join("?" * 21)
_KEY_BYTES = 16
_IN_FOLDER = "substr(metadata, 1, ?) = ?"


def add(sql: Sql, upload: Upload) -> None:
    """Add *upload*, of which nothing has arrived."""
    plan = upload.plan
    sql.execute(
        f"INSERT INTO upload ({_COLUMNS}) VALUES ({_MARKS})",  # noqa: S608 - names and question marks only
        (
            upload.id,
            upload.kind,
            upload.state,
            upload.principal,
            upload.space,
            plan.path,
            _pack_wanted(plan),
            int(plan.parents),
            plan.modified_ns,
            plan.media_type,
            plan.metadata,
            upload.length,
            upload.received,
            to_ms(upload.created),
            to_ms(upload.expires),
            upload.chunks,
            upload.stored_bytes,
            upload.reused_bytes,
            json.dumps(upload.parts),
            upload.node,
            upload.version,
        ),
    )


def find(sql: Sql, upload: str, principal: str, now: datetime) -> Upload | None:
    """Return the upload of this id that *principal* began, None when it has expired or is being forgotten."""
    row = sql.row(
        f"SELECT {_COLUMNS} FROM upload WHERE id = ? AND principal = ? AND state <> 'removed' AND expires_ms > ?",  # noqa: S608 - names only
        (upload, principal, to_ms(now)),
    )
    return None if row is None else _upload(row)


def find_open(sql: Sql, principal: str, now: datetime, after: str, limit: int) -> list[Upload]:
    """Return up to *limit* uploads in progress of *principal*, oldest first, behind the id *after*.

    Of the chunks in a folder only the folder is one.
    """
    rows = sql.rows(
        f"SELECT {_COLUMNS} FROM upload WHERE principal = ? AND id > ? AND state = 'open' AND expires_ms > ?"  # noqa: S608 - names only
        " AND kind <> 'chunk' ORDER BY id LIMIT ?",
        (principal, after, to_ms(now), limit),
    )
    return [_upload(row) for row in rows]


def find_joined(sql: Sql, principal: str, parts: Sequence[str], now: datetime) -> Upload | None:
    """Return the upload that *principal* has joined of exactly these *parts*."""
    row = sql.row(
        f"SELECT {_COLUMNS} FROM upload WHERE principal = ? AND kind = 'joined' AND parts = ?"  # noqa: S608 - names only
        " AND state <> 'removed' AND expires_ms > ?",
        (principal, json.dumps(tuple(parts)), to_ms(now)),
    )
    return None if row is None else _upload(row)


def count_open(sql: Sql, principal: str) -> int:
    """Return how many uploads *principal* has in progress; a folder of chunks is one."""
    row = sql.row(
        "SELECT count(*) FROM upload WHERE principal = ? AND state = 'open' AND kind <> 'chunk'", (principal,)
    )
    return 0 if row is None else int(row[0])


def find_folder(sql: Sql, principal: str, folder: str, now: datetime) -> Upload | None:
    """Return the folder of chunks that *principal* calls so."""
    row = sql.row(
        f"SELECT {_COLUMNS} FROM upload WHERE principal = ? AND kind = 'chunks' AND metadata = ?"  # noqa: S608 - names only
        " AND state = 'open' AND expires_ms > ? ORDER BY id LIMIT 1",
        (principal, folder, to_ms(now)),
    )
    return None if row is None else _upload(row)


def find_in_folder(sql: Sql, principal: str, folder: str, now: datetime) -> list[Upload]:
    """Return the chunks in a folder of *principal*, those among them too that became a file."""
    rows = sql.rows(
        f"SELECT {_COLUMNS} FROM upload WHERE principal = ? AND kind = 'chunk' AND {_IN_FOLDER}"  # noqa: S608 - names only
        " AND state <> 'removed' AND expires_ms > ? ORDER BY id",
        (principal, *_prefix(folder), to_ms(now)),
    )
    return [_upload(row) for row in rows]


def count_others(sql: Sql, principal: str, folder: str, name: str) -> int:
    """Return how many chunks in a folder of *principal* are not called *name*."""
    row = sql.row(
        f"SELECT count(*) FROM upload WHERE principal = ? AND kind = 'chunk' AND {_IN_FOLDER} AND state = 'open'"  # noqa: S608 - names only
        " AND metadata <> ?",
        (principal, *_prefix(folder), f"{folder}/{name}"),
    )
    return 0 if row is None else int(row[0])


def remove_others(sql: Sql, chunk: Upload) -> None:
    """Forget the whole chunks that are called as *chunk* is, but for itself."""
    sql.execute(
        "UPDATE upload SET state = 'removed' WHERE principal = ? AND kind = 'chunk' AND metadata = ?"
        " AND state = 'open' AND received = length AND id <> ?",
        (chunk.principal, chunk.plan.metadata, chunk.id),
    )


def keep_folder(sql: Sql, principal: str, folder: str, expires: datetime) -> None:
    """Let a folder of *principal* live until *expires*, with its chunks."""
    sql.execute(
        "UPDATE upload SET expires_ms = ? WHERE principal = ? AND state = 'open'"  # noqa: S608 - names only
        f" AND (kind = 'chunks' AND metadata = ? OR kind = 'chunk' AND {_IN_FOLDER})",
        (to_ms(expires), principal, folder, *_prefix(folder)),
    )


def remove_folder(sql: Sql, principal: str, folder: str) -> None:
    """Forget a folder of *principal* with its chunks, those too that became a file: another may be called so later."""
    sql.execute(
        "UPDATE upload SET state = 'removed' WHERE principal = ? AND state <> 'removed'"  # noqa: S608 - names only
        f" AND (kind = 'chunks' AND metadata = ? OR kind = 'chunk' AND {_IN_FOLDER})",
        (principal, folder, *_prefix(folder)),
    )


def received_bytes(sql: Sql, space: SpaceId) -> int:
    """Return how many plain bytes all uploads in progress into *space* hold."""
    row = sql.row(
        "SELECT COALESCE(SUM(received), 0) FROM upload WHERE space = ? AND state = 'open' AND kind <> 'joined'",
        (space,),
    )
    return 0 if row is None else int(row[0])


def find_chunks(sql: Sql, upload: str, first: int = 0) -> list[tuple[bytes, int]]:
    """Return content ids and sizes of what *upload* is made of, from the chunk in the place *first* on."""
    rows = sql.rows(
        "SELECT content_id, size FROM upload_chunk WHERE upload = ? AND place >= ? ORDER BY place", (upload, first)
    )
    return [(bytes(content_id), size) for content_id, size in rows]


def extend(sql: Sql, upload: Upload, chunks: Sequence[tuple[bytes, int]], pieces: Sequence[tuple[bytes, int]]) -> None:
    """Let *chunks* follow the whole ones of *upload*, and *pieces* stand for what follows them."""
    sql.execute("DELETE FROM upload_chunk WHERE upload = ? AND place >= ?", (upload.id, upload.chunks))
    sql.execute_many(
        "INSERT INTO upload_chunk (upload, place, chunk, content_id, size) VALUES (?, ?, ?, ?, ?)",
        [
            (upload.id, upload.chunks + place, content_id[:_KEY_BYTES], content_id, size)
            for place, (content_id, size) in enumerate([*chunks, *pieces])
        ],
    )


def advance(sql: Sql, upload: Upload) -> None:
    """Write down how far *upload* is and how long it lives."""
    sql.execute(
        "UPDATE upload SET length = ?, received = ?, chunks = ?, stored_bytes = ?, reused_bytes = ?, expires_ms = ?"
        " WHERE id = ?",
        (
            upload.length,
            upload.received,
            upload.chunks,
            upload.stored_bytes,
            upload.reused_bytes,
            to_ms(upload.expires),
            upload.id,
        ),
    )


def finish(sql: Sql, uploads: Sequence[str], node: NodeId, version: int) -> None:
    """Note that *uploads* became the version of *node*."""
    sql.execute_many(
        "UPDATE upload SET state = 'done', node = ?, version = ? WHERE id = ?",
        [(node, version, upload) for upload in uploads],
    )


def remove(sql: Sql, upload: str) -> None:
    """Forget *upload*; what it holds is let go by :func:`sweep`."""
    sql.execute("UPDATE upload SET state = 'removed' WHERE id = ?", (upload,))


def sweep(sql: Sql, now: datetime, limit: int) -> bool:
    """Let go of up to *limit* chunks of an upload that needs them no more; return False when there is none."""
    row = sql.row(
        "SELECT id, state = 'done' AND expires_ms > ? FROM upload"
        " WHERE expires_ms <= ? OR state = 'removed' OR (state = 'done' AND chunks > 0) LIMIT 1",
        (to_ms(now), to_ms(now)),
    )
    if row is None:
        return False
    upload, is_remembered = row
    let_go = sql.execute(
        "DELETE FROM upload_chunk WHERE upload = ? AND place IN"
        " (SELECT place FROM upload_chunk WHERE upload = ? ORDER BY place LIMIT ?)",
        (upload, upload, limit),
    )
    if let_go < limit and is_remembered:
        sql.execute("UPDATE upload SET chunks = 0 WHERE id = ?", (upload,))
    elif let_go < limit:
        sql.execute("DELETE FROM upload WHERE id = ?", (upload,))
    return True


def remove_space(sql: Sql, space: SpaceId) -> None:
    """Forget every upload into *space* with what it holds, all in one statement each."""
    sql.execute("DELETE FROM upload_chunk WHERE upload IN (SELECT id FROM upload WHERE space = ?)", (space,))
    sql.execute("DELETE FROM upload WHERE space = ?", (space,))


@dataclass(frozen=True, slots=True)
class HeldUploads:
    """Answers gc: the chunks of what has arrived are needed until the upload is complete or forgotten."""

    def find_held(self, sql: Sql, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the chunk *keys* that some upload is made of."""
        marks = ", ".join("?" * len(keys))
        return {bytes(row[0]) for row in sql.rows(f"SELECT chunk FROM upload_chunk WHERE chunk IN ({marks})", keys)}  # noqa: S608 - question marks only

    def find_unlisted(self, sql: Sql, after: bytes, limit: int) -> list[tuple[bytes, bytes, bytes]]:
        """Return key, space and manifest of contents of several chunks that cross into another space.

        The chunks of any other upload are listed one by one.
        """
        rows = sql.rows(
            "SELECT DISTINCT c.chunk, u.space, substr(c.content_id, 17) FROM upload u"
            " JOIN upload_chunk c ON c.upload = u.id"
            " WHERE u.kind = 'crossing' AND c.chunk > ? AND substr(c.content_id, 17) >= ?"
            " AND NOT EXISTS (SELECT 1 FROM piece WHERE piece.content = c.chunk) ORDER BY c.chunk LIMIT ?",
            (after, TREE, limit),
        )
        return [(bytes(row[0]), id_bytes(row[1]), bytes(row[2])) for row in rows]


def _prefix(folder: str) -> tuple[int, str]:
    """Return how the metadata of the chunks of *folder* begin, with its length before it."""
    return len(folder) + 1, f"{folder}/"


def _upload(row: Row) -> Upload:
    condition, checksum = _unpack_wanted(row[6])
    return Upload(
        id=row[0],
        kind=UploadKind(row[1]),
        state=UploadState(row[2]),
        principal=row[3],
        space=SpaceId(row[4]),
        plan=UploadPlan(
            path=row[5],
            modified_ns=row[8],
            media_type=row[9],
            condition=condition,
            parents=bool(row[7]),
            metadata=row[10],
            checksum=checksum,
        ),
        length=row[11],
        received=row[12],
        created=from_ms(row[13]),
        expires=from_ms(row[14]),
        chunks=row[15],
        stored_bytes=row[16],
        reused_bytes=row[17],
        parts=tuple(json.loads(row[18])),
        node=row[19],
        version=row[20],
    )


def _pack_wanted(plan: UploadPlan) -> str:
    condition = plan.condition
    tags = (condition.if_match, condition.if_none_match)
    lists = (None if each is None else sorted(each) for each in tags)
    return json.dumps([*lists, condition.is_whatever, plan.checksum])


def _unpack_wanted(text: str) -> tuple[Condition, str]:
    """Return what must be there before and what must have come; earlier releases wrote less of it."""
    if_match, if_none_match, *rest = json.loads(text)
    condition = Condition(_tags(if_match), _tags(if_none_match), is_whatever=bool(rest and rest[0]))
    return condition, str(rest[1]) if len(rest) > 1 else ""


def _tags(found: list[str] | None) -> frozenset[str] | None:
    return None if found is None else frozenset(found)
