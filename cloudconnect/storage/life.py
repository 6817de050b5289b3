"""The rows behind the life of stored data: which chunks nothing needs, where packs are sparse, what lies where.

It speaks SQL for gc, as ``index`` does for uploads and downloads; both know the same tables.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from cloudconnect.storage.index import Place, Sql, StoredPack
from cloudconnect.storage.packs import bare_bytes


class PackUse(NamedTuple):
    """A live pack, how many chunks of the index lie in it, and how many bytes of it they fill."""

    number: int
    pack: StoredPack
    chunks: int
    used_bytes: int

    @property
    def dead_bytes(self) -> int:
        """What a pack of these chunks alone would be smaller by."""
        return max(self.pack.size - self.used_bytes - bare_bytes(self.chunks), 0)


class LyingChunk(NamedTuple):
    """A chunk, the number of the pack it lies in, its bytes there, and since when it is condemned, if it is."""

    key: bytes
    number: int
    length: int
    condemned_ms: int | None


class Move(NamedTuple):
    """A record that has been copied: from the pack of this number to an offset in a new one, with its length there."""

    key: bytes
    source: int
    offset: int
    length: int


def find_listed(sql: Sql, after: bytes, limit: int) -> list[bytes]:
    """Return up to *limit* keys of contents whose pieces are listed, in order, behind *after*."""
    keys: list[bytes] = []
    while len(keys) < limit:
        row = sql.row("SELECT MIN(content) FROM piece WHERE content > ?", (after,))
        if row is None or row[0] is None:
            break
        after = bytes(row[0])
        keys.append(after)
    return keys


def forget_pieces(sql: Sql, contents: Sequence[bytes]) -> int:
    """Remove the lists of *contents*; return how many contents that were."""
    sql.execute_many("DELETE FROM piece WHERE content = ?", [(content,) for content in contents])
    return len(contents)


def find_chunks(sql: Sql, after: bytes, limit: int) -> list[bytes]:
    """Return up to *limit* keys of chunks, in order, behind *after*, that are no pieces of any content."""
    rows = sql.rows(
        "SELECT key FROM chunk WHERE key > ? AND NOT EXISTS (SELECT 1 FROM piece WHERE piece.chunk = chunk.key)"
        " ORDER BY key LIMIT ?",
        (after, limit),
    )
    return [row[0] for row in rows]


def find_lying(sql: Sql, after: bytes, limit: int) -> list[LyingChunk]:
    """Return up to *limit* chunks, in the order of their keys, behind *after*."""
    rows = sql.rows(
        "SELECT chunk.key, chunk.pack, chunk.length, condemned.since_ms FROM chunk"
        " LEFT JOIN condemned ON condemned.key = chunk.key WHERE chunk.key > ? ORDER BY chunk.key LIMIT ?",
        (after, limit),
    )
    return [LyingChunk(*row) for row in rows]


def find_users(sql: Sql, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Return which contents list which of the chunks *keys*, as pairs of chunk and content."""
    if not keys:
        return []
    marks = ", ".join("?" * len(keys))
    rows = sql.rows(f"SELECT chunk, content FROM piece WHERE chunk IN ({marks})", keys)  # noqa: S608 - question marks only
    return [(row[0], row[1]) for row in rows]


def find_pieceless(sql: Sql, keys: Sequence[bytes]) -> list[bytes]:
    """Return those of *keys* that are no pieces of any content."""
    if not keys:
        return []
    marks = ", ".join("?" * len(keys))
    listed = {row[0] for row in sql.rows(f"SELECT DISTINCT chunk FROM piece WHERE chunk IN ({marks})", keys)}  # noqa: S608 - question marks only
    return [key for key in keys if key not in listed]


def find_in_domains(sql: Sql, keys: Sequence[bytes], domains: Collection[bytes]) -> set[bytes]:
    """Return those of *keys* whose chunks lie in packs of *domains*."""
    if not keys:
        return set()
    marks, others = ", ".join("?" * len(keys)), ", ".join("?" * len(domains))
    rows = sql.rows(
        "SELECT chunk.key FROM chunk JOIN pack ON pack.number = chunk.pack"  # noqa: S608 - question marks only
        f" WHERE chunk.key IN ({marks}) AND pack.domain IN ({others})",
        (*keys, *domains),
    )
    return {row[0] for row in rows}


def condemn(sql: Sql, keys: Sequence[bytes], now_ms: int) -> int:
    """Note that nothing needs the chunks *keys* as of now; those that were condemned before keep their moment."""
    before = _count_condemned(sql)
    sql.execute_many(
        "INSERT INTO condemned (key, since_ms) VALUES (?, ?) ON CONFLICT DO NOTHING", [(key, now_ms) for key in keys]
    )
    return _count_condemned(sql) - before


def find_condemned(sql: Sql, before_ms: int, after: bytes, limit: int) -> list[bytes]:
    """Return up to *limit* keys, in order, behind *after*, that have been condemned since *before_ms* or longer."""
    rows = sql.rows(
        "SELECT key FROM condemned WHERE since_ms <= ? AND key > ? ORDER BY key LIMIT ?",
        (before_ms, after, limit),
    )
    return [row[0] for row in rows]


def remove_chunks(sql: Sql, keys: Sequence[bytes]) -> tuple[int, int]:
    """Remove the rows of chunks; return how many there were and how many bytes of packs they filled."""
    if not keys:
        return 0, 0
    marks = ", ".join("?" * len(keys))
    row = sql.row(f"SELECT COUNT(*), COALESCE(SUM(length), 0) FROM chunk WHERE key IN ({marks})", keys)  # noqa: S608 - question marks only
    sql.execute_many("DELETE FROM chunk WHERE key = ?", [(key,) for key in keys])
    sql.execute_many("DELETE FROM damaged WHERE key = ?", [(key,) for key in keys])
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def pardon(sql: Sql, keys: Sequence[bytes]) -> None:
    """Condemn *keys* no longer: they are removed, or needed again."""
    sql.execute_many("DELETE FROM condemned WHERE key = ?", [(key,) for key in keys])


def find_pack_uses(sql: Sql) -> list[PackUse]:
    """Return every live pack with how full of chunks it is."""
    rows = sql.rows(
        "SELECT pack.number, pack.id, pack.domain, pack.size, COUNT(chunk.key), COALESCE(SUM(chunk.length), 0)"
        " FROM pack LEFT JOIN chunk ON chunk.pack = pack.number WHERE pack.state = 'live'"
        " GROUP BY pack.number, pack.id, pack.domain, pack.size ORDER BY pack.number"
    )
    return [
        PackUse(int(number), StoredPack(pack_id, domain, int(size)), int(chunks), int(used))
        for number, pack_id, domain, size, chunks, used in rows
    ]


def find_in_pack(sql: Sql, number: int) -> list[tuple[bytes, Place]]:
    """Return the chunks in the pack of this number, in the order in which they lie there."""
    rows = sql.rows(
        "SELECT chunk.key, pack.id, chunk.position, chunk.length, chunk.raw_length"
        " FROM chunk JOIN pack ON pack.number = chunk.pack WHERE chunk.pack = ? ORDER BY chunk.position",
        (number,),
    )
    return [(key, Place(*place)) for key, *place in rows]


def move_chunks(sql: Sql, pack: StoredPack, moves: Sequence[Move]) -> int:
    """Let chunks lie in *pack*, as far as they lie where they were copied from; return how many moved.

    They were proven whole, so those that were damaged are so no longer.
    """
    sql.execute("INSERT INTO pack (id, domain, size, backend, state) VALUES (?, ?, ?, ?, 'live')", pack)
    row = sql.row("SELECT number FROM pack WHERE id = ?", (pack.pack_id,))
    if row is None:
        raise LookupError("the pack that was just added")
    number = int(row[0])
    sql.execute_many(
        "UPDATE chunk SET pack = ?, position = ?, length = ? WHERE key = ? AND pack = ?",
        [(number, move.offset, move.length, move.key, move.source) for move in moves],
    )
    sql.execute("DELETE FROM damaged WHERE key IN (SELECT key FROM chunk WHERE pack = ?)", (number,))
    moved = sql.row("SELECT COUNT(*) FROM chunk WHERE pack = ?", (number,))
    return 0 if moved is None else int(moved[0])


def forget_domain(sql: Sql, domain: bytes, limit: int) -> int:
    """Remove the rows of up to *limit* chunks of a domain whose keys are destroyed; return how many.

    Once none is left its packs are marked as dead.
    """
    keys = sql.rows(
        "SELECT chunk.key FROM pack JOIN chunk ON chunk.pack = pack.number WHERE pack.domain = ? LIMIT ?",
        (domain, limit),
    )
    for table in ("chunk", "damaged", "condemned"):
        sql.execute_many(f"DELETE FROM {table} WHERE key = ?", keys)  # noqa: S608 - names of tables only
    if not keys:
        sql.execute("UPDATE pack SET state = 'dead' WHERE domain = ?", (domain,))
    return len(keys)


def end_empty_packs(sql: Sql, in_use: Collection[bytes]) -> int:
    """Mark packs as dead in which no chunk lies, but for those *in_use*; return how many."""
    rows = sql.rows(
        "SELECT id FROM pack WHERE state <> 'dead' AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.pack = pack.number)"
    )
    dead = [row[0] for row in rows if row[0] not in in_use]
    sql.execute_many("UPDATE pack SET state = 'dead' WHERE id = ?", [(pack_id,) for pack_id in dead])
    return len(dead)


def find_dead_packs(sql: Sql) -> list[StoredPack]:
    """Return the packs that are to be removed, or have been since the last start."""
    return [StoredPack(*row) for row in sql.rows("SELECT id, domain, size FROM pack WHERE state = 'dead'")]


def forget_dead_packs(sql: Sql) -> None:
    """Remove the rows of dead packs; at a start, when no upload is under way that could bring one back."""
    sql.execute("DELETE FROM pack WHERE state = 'dead'")


def _count_condemned(sql: Sql) -> int:
    row = sql.row("SELECT COUNT(*) FROM condemned")
    return 0 if row is None else int(row[0])
