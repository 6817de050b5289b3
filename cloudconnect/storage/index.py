"""The pack index: which pack, offset and length holds a chunk. The one place in the engine that speaks SQL.

Tables ``pack``, ``chunk``, ``piece``, ``condemned`` and ``damaged``; a chunk's key is the first 16 bytes of its content
id. A pack is ``live``, or ``damaged`` when recovery or a reader found it missing or changed, or ``dead`` once gc has
taken its rows. Gc keeps the row of a dead pack until a restart: an upload that began before could otherwise bring back
rows that point to nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from cloudconnect.kernel.text import N_
from cloudconnect.storage.errors import ChunksMissing, IndexDamaged

CHUNK_KEY_BYTES: Final = 16
_BATCH: Final = 512

Value = str | int | float | bytes | None


class Sql(Protocol):
    """What the index asks of a transaction; parameters are ``?``."""

    def execute(self, statement: str, parameters: Sequence[Value] = ()) -> int:
        """Run *statement* and return how many rows it changed."""
        ...

    def execute_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run *statement* once for each of *rows*."""
        ...

    def row(self, statement: str, parameters: Sequence[Value] = ()) -> tuple[Any, ...] | None:
        """Return the first row of the answer, or None."""
        ...

    def rows(self, statement: str, parameters: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Return the whole answer."""
        ...


class Place(NamedTuple):
    """Where the record of a chunk lies; sizes in bytes."""

    pack_id: bytes
    offset: int
    length: int
    raw_length: int


MAIN: Final = "main"
"""The backend that the settings name."""


class StoredPack(NamedTuple):
    """A durable pack."""

    pack_id: bytes
    domain: bytes
    size: int
    backend: str = MAIN


class ChunkRow(NamedTuple):
    """A durable chunk that may not be in the index yet."""

    key: bytes
    place: Place


class Stored(Protocol):
    """What of a content the index must hold."""

    @property
    def packs(self) -> Sequence[StoredPack]:
        """The packs that its new chunks lie in."""
        ...

    @property
    def chunks(self) -> Sequence[ChunkRow]:
        """Its new chunks."""
        ...

    @property
    def reused(self) -> Sequence[bytes]:
        """Keys of the chunks that the index held when the content was stored."""
        ...

    @property
    def key(self) -> bytes | None:
        """The key that names the content."""
        ...

    @property
    def pieces(self) -> Sequence[bytes]:
        """Keys of all its chunks if it has more than one."""
        ...


def settle(sql: Sql, content: Stored) -> None:
    """Make every chunk of *content* findable, in the transaction that adds what points to it.

    Raises:
        ChunksMissing: a chunk that it counts on has been removed since; nothing has been changed.
    """
    if len(find(sql, content.reused)) != len(set(content.reused)):
        raise missing()
    numbers = {pack.pack_id: _number(sql, pack) for pack in content.packs}
    # A chunk that is there already stays where it is, unless its pack is lost: then the new copy heals it.
    sql.execute_many(
        "INSERT INTO chunk (key, pack, position, length, raw_length) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET pack = excluded.pack, position = excluded.position, length = excluded.length"
        " WHERE EXISTS (SELECT 1 FROM pack WHERE pack.number = chunk.pack AND pack.state <> 'live')"
        " OR EXISTS (SELECT 1 FROM damaged WHERE damaged.key = chunk.key)",
        [(key, numbers[place.pack_id], *place[1:]) for key, place in sorted(content.chunks)],
    )
    if sql.row("SELECT 1 FROM damaged LIMIT 1") is not None:
        sql.execute_many("DELETE FROM damaged WHERE key = ?", [(key,) for key, _ in content.chunks])
    if content.pieces and content.key is not None:
        add_pieces(sql, content.key, content.pieces)


def add_pieces(sql: Sql, content: bytes, pieces: Iterable[bytes]) -> None:
    """Note that *content* needs the chunks *pieces*, unless that is known: a content never changes."""
    if sql.row("SELECT 1 FROM piece WHERE content = ? LIMIT 1", (content,)) is None:
        sql.execute_many(
            "INSERT INTO piece (chunk, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(piece, content) for piece in sorted(pieces)],
        )


def find(sql: Sql, keys: Sequence[bytes]) -> set[bytes]:
    """Return those of *keys* whose chunk lies in a live pack."""
    known: set[bytes] = set()
    for batch in _batches(keys):
        known.update(
            key
            for (key,) in sql.rows(
                "SELECT chunk.key FROM chunk JOIN pack ON pack.number = chunk.pack"  # noqa: S608 - question marks only
                f" WHERE pack.state = 'live' AND chunk.key IN ({_marks(batch)})"
                " AND NOT EXISTS (SELECT 1 FROM damaged WHERE damaged.key = chunk.key)",
                batch,
            )
        )
    return known


def locate(sql: Sql, keys: Sequence[bytes]) -> dict[bytes, Place]:
    """Return where each of *keys* lies; what is in no pack is absent. A damaged pack may still hold a whole chunk."""
    places: dict[bytes, Place] = {}
    for batch in _batches(keys):
        places.update(
            (key, Place(*place))
            for key, *place in sql.rows(
                "SELECT chunk.key, pack.id, chunk.position, chunk.length, chunk.raw_length"  # noqa: S608 - question marks only
                " FROM chunk JOIN pack ON pack.number = chunk.pack"
                f" WHERE chunk.key IN ({_marks(batch)})",
                batch,
            )
        )
    return places


def known_packs(sql: Sql) -> list[StoredPack]:
    """Return every pack that belongs on the backend; also damaged ones, of which some chunks may still be whole.

    Raises:
        IndexDamaged: a row is not what was written; SQLite keeps whatever a changed bit makes of it.
    """
    packs = [StoredPack(*row) for row in sql.rows("SELECT id, domain, size, backend FROM pack WHERE state <> 'dead'")]
    if not {type(field) for pack in packs for field in pack[:2]} <= {bytes}:
        raise IndexDamaged(fix=N_("Restore the latest backup: cloudconnect backup restore"))
    return packs


def mark_damaged(sql: Sql, pack_ids: Sequence[bytes]) -> None:
    """Mark packs as damaged: nothing is deduplicated against them, and storing their chunks again heals them."""
    sql.execute_many("UPDATE pack SET state = 'damaged' WHERE id = ?", [(pack_id,) for pack_id in pack_ids])


def _number(sql: Sql, pack: StoredPack) -> int:
    found = sql.row("SELECT number, state FROM pack WHERE id = ?", (pack.pack_id,)) or sql.row(
        "INSERT INTO pack (id, domain, size, backend, state) VALUES (?, ?, ?, ?, 'live') RETURNING number, state", pack
    )
    if found is None or found[1] != "live":
        raise missing()
    return int(found[0])


def missing() -> ChunksMissing:
    """Return the refusal for content that counts on a chunk which is not there."""
    return ChunksMissing(
        N_("Part of this content was removed while it was being stored."), fix=N_("Send the content again.")
    )


def _marks(batch: Sequence[bytes]) -> str:
    return ", ".join("?" * len(batch))


def _padded(keys: list[bytes]) -> list[bytes]:
    # Few lengths make few statements, which the engines keep prepared; naming a key twice changes no answer.
    return keys + keys[-1:] * ((1 << (len(keys) - 1).bit_length()) - len(keys))


def _batches(keys: Sequence[bytes]) -> Iterator[list[bytes]]:
    # Ordered keys walk the tree of the index once; the index of a batch touches each of its pages at most once.
    waiting = iter(sorted(set(keys)))
    while batch := list(islice(waiting, _BATCH)):
        yield _padded(batch)
