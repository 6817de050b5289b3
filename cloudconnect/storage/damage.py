"""The rows of what is damaged: packs that are missing or changed, and chunks that cannot be had as they were written.

Nothing is ever deduplicated against either. A chunk that is stored anew, by an upload or by repair, gets a new place
and is damaged no longer (``index.settle``, ``life.move_chunks``).
"""

from collections.abc import Sequence
from typing import NamedTuple

from cloudconnect.storage.index import Place, Sql, StoredPack


class DamagedChunk(NamedTuple):
    """A chunk that is damaged, the number and domain of the pack it lies in, and where in it."""

    key: bytes
    number: int
    domain: bytes
    place: Place


class NumberedPack(NamedTuple):
    """A pack of the index with its number and its state."""

    number: int
    pack: StoredPack
    state: str


def find_packs(sql: Sql, after: int, limit: int) -> list[NumberedPack]:
    """Return up to *limit* packs that belong on the backend, by number, behind *after*."""
    rows = sql.rows(
        "SELECT number, id, domain, size, state FROM pack WHERE number > ? AND state <> 'dead' ORDER BY number LIMIT ?",
        (after, limit),
    )
    return [NumberedPack(int(number), StoredPack(*pack), state) for number, *pack, state in rows]


def has_pack(sql: Sql, number: int) -> bool:
    """Tell whether the pack of this number belongs on the backend still."""
    return sql.row("SELECT 1 FROM pack WHERE number = ? AND state <> 'dead'", (number,)) is not None


def measure_packs(sql: Sql, after: int) -> int:
    """Return the bytes of all packs with a number behind *after*."""
    row = sql.row("SELECT COALESCE(SUM(size), 0) FROM pack WHERE number > ? AND state <> 'dead'", (after,))
    return 0 if row is None else int(row[0])


def set_pack_state(sql: Sql, number: int, state: str) -> None:
    """Put a pack that is not dead into *state*: ``live`` or ``damaged``."""
    sql.execute("UPDATE pack SET state = ? WHERE number = ? AND state <> 'dead'", (state, number))


def note_chunks(sql: Sql, number: int, keys: Sequence[bytes], now_ms: int) -> None:
    """Note that the chunks *keys* are damaged where they lie, in the pack of this number."""
    sql.execute_many(
        "INSERT INTO damaged (key, found_ms) SELECT key, CAST(? AS BIGINT) FROM chunk WHERE key = ? AND pack = ?"
        " ON CONFLICT DO NOTHING",
        [(now_ms, key, number) for key in keys],
    )


def note_unreadable(sql: Sql, pack_id: bytes, keys: Sequence[bytes], now_ms: int) -> None:
    """Note that a reader could not have the chunks *keys* from the pack *pack_id* as they were written."""
    row = sql.row("SELECT number FROM pack WHERE id = ?", (pack_id,))
    if row is not None:
        note_chunks(sql, int(row[0]), keys, now_ms)


def note_missing(sql: Sql, pack_ids: Sequence[bytes], now_ms: int) -> None:
    """Note that the packs of these ids are gone, and so is every chunk that lies in them."""
    sql.execute_many(
        "INSERT INTO damaged (key, found_ms) SELECT chunk.key, CAST(? AS BIGINT) FROM chunk"
        " JOIN pack ON pack.number = chunk.pack WHERE pack.id = ? ON CONFLICT DO NOTHING",
        [(now_ms, pack_id) for pack_id in pack_ids],
    )


def clear_chunks(sql: Sql, keys: Sequence[bytes]) -> None:
    """Note that the chunks *keys* are whole after all."""
    sql.execute_many("DELETE FROM damaged WHERE key = ?", [(key,) for key in keys])


def find_chunks(sql: Sql) -> list[DamagedChunk]:
    """Return every damaged chunk, by the pack it lies in."""
    rows = sql.rows(
        "SELECT damaged.key, pack.number, pack.domain, pack.id, chunk.position, chunk.length, chunk.raw_length"
        " FROM damaged JOIN chunk ON chunk.key = damaged.key JOIN pack ON pack.number = chunk.pack"
        " ORDER BY pack.domain, pack.number, chunk.position"
    )
    return [DamagedChunk(key, int(number), domain, Place(*place)) for key, number, domain, *place in rows]


def count(sql: Sql) -> tuple[int, int]:
    """Return how many packs and how many chunks are damaged."""
    row = sql.row("SELECT (SELECT COUNT(*) FROM pack WHERE state = 'damaged'), (SELECT COUNT(*) FROM damaged)")
    return (0, 0) if row is None else (int(row[0]), int(row[1]))
