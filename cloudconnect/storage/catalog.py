"""Catalogs: the tree as of some moment, kept among the packs themselves (SECURITY.md, section 5.2).

If the database is lost, packs and keys alone give it back as of the last catalog. A catalog is stored as content of a
domain of its own, deduplicated against the ones before it; a small content beside it, its head, says where to begin.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloudconnect.kernel.clock import monotonic
from cloudconnect.storage import index
from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from cloudconnect.storage.index import Sql
from cloudconnect.storage.ingest import StoredContent
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.repacking import Progress, Store
from cloudconnect.storage.repository import Repository

LEFT_OUT: Final = ("chunk", "piece", "condemned", "damaged")
"""Tables that a catalog need not hold, because packs tell the same."""

HEAD_BYTES: Final = 4_096
"""No head is longer."""

_MAGIC: Final = b"CloudConnect catalog 1\n"
_KEPT: Final = 3
_PIECE_BYTES: Final = 4 << 20
_SHARE: Final = 50

WriteSnapshot = Callable[[Path], int]
"""Writes the tables but those left out to a new file, and returns the position of the log."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a catalog begins: its manifest, and the position of the log that it stands for."""

    position: int
    manifest: bytes

    def encode(self) -> bytes:
        """Return the bytes that are stored."""
        return _MAGIC + json.dumps({"position": self.position, "manifest": self.manifest.hex()}).encode()

    @classmethod
    def decode(cls, raw: bytes) -> "Head | None":
        """Return the head that *raw* is, or None if it is something else."""
        if not raw.startswith(_MAGIC):
            return None
        try:
            fields = json.loads(raw[len(_MAGIC) :])
            return cls(int(fields["position"]), bytes.fromhex(fields["manifest"]))
        except (ValueError, KeyError, TypeError):
            return None


class Catalogs:
    """Keeps catalogs: the newest few, and a new one when something has happened since."""

    def __init__(
        self, repository: Repository, store: Store, snapshot: WriteSnapshot, position: Callable[[], int]
    ) -> None:
        self._repository = repository
        self._store = store
        self._snapshot = snapshot
        self._position = position
        self._not_before = 0.0
        self._lock = threading.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Wait for the catalog that is being written, and write no more."""
        with self._lock:
            self._is_closed = True

    def keep(self) -> int | None:
        """Store a catalog as of this moment, unless nothing has happened since the last one; return its position.

        Where writing one takes long it is done more rarely, so that it never takes more than a fiftieth of the time.
        """
        with self._lock:
            began = monotonic()
            if self._is_closed or began < self._not_before or self._position() == self._store.read(_find_newest):
                return None
            position = self._keep()
            self._not_before = monotonic() + _SHARE * (monotonic() - began)
            return position

    def renew(self) -> None:
        """Store a catalog that shares nothing with earlier ones, and remove those with the packs they lie in.

        What was erased stands in them still. Until the new one is stored, the earlier ones are there.
        """
        with self._lock:
            self._repository.keyring.add_domain(CATALOG_DOMAIN)
            self._repository.keyring.replace_naming(CATALOG_DOMAIN)
            self._repository.writer.renew(CATALOG_DOMAIN)
            last = self._store.read(_find_last_pack)
            position = self._keep()
            given_up = self._store.write(lambda sql, _: _give_up(sql, position, last))
        for pack_id in given_up:
            self._repository.backend.delete(pack_name(CATALOG_DOMAIN, pack_id))

    def run(self, parameters: Mapping[str, str], progress: Progress) -> Mapping[str, int | str]:
        """Store a catalog now (``ports.operations.Kind.run``)."""
        del parameters, progress
        with self._lock:
            return {"position": self._keep()}

    def _keep(self) -> int:
        self._repository.writer.check_room()
        file = self._repository.spool / f"catalog-{secrets.token_hex(8)}"
        self._repository.keyring.add_domain(CATALOG_DOMAIN)
        try:
            position = self._snapshot(file)
            content = self._repository.write(CATALOG_DOMAIN, _pieces(file))
        finally:
            for left in (file, file.with_name(f"{file.name}-journal")):
                left.unlink(missing_ok=True)
        head = self._repository.write(CATALOG_DOMAIN, [Head(position, content.manifest).encode()])
        self._store.write(lambda sql, _: _settle(sql, position, content, head))
        return position


class HeldCatalogs:
    """Answers gc: the catalogs that are kept hold their contents (``storage.gc.Holder``)."""

    def find_held(self, sql: Sql, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the content *keys* that a catalog or its head is."""
        rows = sql.rows("SELECT content, head FROM catalog")
        return {key for row in rows for key in row} & set(keys)

    def find_unlisted(self, sql: Sql, after: bytes, limit: int) -> list[tuple[bytes, bytes, bytes]]:
        """Return the catalogs whose pieces the index does not list: after a recovery it lists none."""
        rows = sql.rows(
            "SELECT content, manifest FROM catalog WHERE content > ? AND manifest >= ?"
            " AND NOT EXISTS (SELECT 1 FROM piece WHERE piece.content = catalog.content) ORDER BY content LIMIT ?",
            (after, b"\x02", limit),
        )
        return [(key, CATALOG_DOMAIN, manifest) for key, manifest in rows]


def _find_newest(sql: Sql) -> int:
    row = sql.row("SELECT COALESCE(MAX(position), -1) FROM catalog")
    return -1 if row is None else int(row[0])


def _settle(sql: Sql, position: int, content: StoredContent, head: StoredContent) -> None:
    index.settle(sql, content)
    index.settle(sql, head)
    sql.execute(
        "INSERT INTO catalog (position, manifest, content, head) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (position, content.manifest, content.key, head.key),
    )
    kept = sql.rows("SELECT position FROM catalog ORDER BY position DESC LIMIT ?", (_KEPT,))
    sql.execute("DELETE FROM catalog WHERE position < ?", kept[-1])


def _find_last_pack(sql: Sql) -> int:
    row = sql.row("SELECT COALESCE(MAX(number), 0) FROM pack WHERE domain = ?", (CATALOG_DOMAIN,))
    return 0 if row is None else int(row[0])


def _give_up(sql: Sql, position: int, last: int) -> list[bytes]:
    """Forget the catalogs before *position* and all that lies in packs of catalogs up to the number *last*."""
    packs = sql.rows("SELECT number, id FROM pack WHERE domain = ? AND number <= ?", (CATALOG_DOMAIN, last))
    sql.execute(
        "DELETE FROM piece WHERE content IN (SELECT content FROM catalog WHERE position < ?)"
        " AND content NOT IN (SELECT content FROM catalog WHERE position >= ?)",
        (position, position),
    )
    sql.execute("DELETE FROM catalog WHERE position < ?", (position,))
    for table in ("damaged", "condemned"):
        sql.execute_many(
            f"DELETE FROM {table} WHERE key IN (SELECT key FROM chunk WHERE pack = ?)",  # noqa: S608 - names of tables only
            [(number,) for number, _ in packs],
        )
    sql.execute_many("DELETE FROM chunk WHERE pack = ?", [(number,) for number, _ in packs])
    sql.execute_many("UPDATE pack SET state = 'dead' WHERE number = ?", [(number,) for number, _ in packs])
    return [bytes(pack_id) for _, pack_id in packs]


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(_PIECE_BYTES):
            yield piece
