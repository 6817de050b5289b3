"""The table of places of backups, and what a snapshot of the database says about the content that one must hold."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from cloudconnect.database.snapshot import Snapshot
from cloudconnect.features.backup.models import Keep, PlaceFacts
from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.ids import SpaceId, id_bytes
from cloudconnect.ports.sql import Row, Sql

_SELECT = (
    "SELECT name, kind, parameters, every_hours, keep, backed_up_ms, verified_ms, scheduled_ms, overdue_ms,"
    " signed_ms"
    " FROM backup_place"
)


class Held(NamedTuple):
    """A version in a snapshot: the 16 bytes of its space, and what its content is; the size in bytes."""

    node: str
    space: bytes
    size: int
    sha256: bytes
    manifest: bytes


class HeldEntry(NamedTuple):
    """An entry of the tree in a snapshot, at its latest; a folder has no manifest."""

    node: str
    name: str
    modified_ns: int
    size: int
    sha256: bytes
    manifest: bytes | None


# Places


def find_place(sql: Sql, name: str) -> PlaceFacts | None:
    """Return the place of this name, or None."""
    row = sql.row(f"{_SELECT} WHERE name = ?", (name,))
    return None if row is None else _place(row)


def find_places(sql: Sql) -> list[PlaceFacts]:
    """Return every place, by name; there are few."""
    return [_place(row) for row in sql.rows(f"{_SELECT} ORDER BY name")]


def add_place(sql: Sql, place: PlaceFacts, now_ms: int) -> None:
    """Add *place* unless it is known."""
    sql.execute(
        "INSERT INTO backup_place (name, kind, parameters, created_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (place.name, place.kind, json.dumps(dict(place.parameters)), now_ms),
    )


def remove_place(sql: Sql, name: str) -> bool:
    """Forget the place of this name; return whether there was one."""
    return bool(sql.execute("DELETE FROM backup_place WHERE name = ?", (name,)))


def set_schedule(sql: Sql, name: str, every_hours: int | None, keep: Keep | None, now_ms: int) -> None:
    """Have the clock feed a place, or, with None, no longer."""
    text = None if keep is None else json.dumps(asdict(keep))
    sql.execute(
        "UPDATE backup_place SET every_hours = ?, keep = ?, scheduled_ms = ?, overdue_ms = NULL WHERE name = ?",
        (every_hours, text, now_ms, name),
    )


def note_backup(sql: Sql, name: str, now_ms: int) -> None:
    """Note that a backup was made at a place."""
    sql.execute("UPDATE backup_place SET backed_up_ms = ?, overdue_ms = NULL WHERE name = ?", (now_ms, name))


def note_overdue(sql: Sql, name: str, now_ms: int) -> None:
    """Note that it was told that no backup came to a place."""
    sql.execute("UPDATE backup_place SET overdue_ms = ? WHERE name = ?", (now_ms, name))


def note_signed(sql: Sql, name: str, now_ms: int) -> None:
    """Note that the mark of a place is signed."""
    sql.execute("UPDATE backup_place SET signed_ms = ? WHERE name = ? AND signed_ms IS NULL", (now_ms, name))


def note_proof(sql: Sql, name: str, now_ms: int) -> None:
    """Note that the newest backup at a place was proved."""
    sql.execute("UPDATE backup_place SET verified_ms = ? WHERE name = ?", (now_ms, name))


def _place(row: Row) -> PlaceFacts:
    name, kind, parameters, every_hours, keep, *moments = row
    return PlaceFacts(
        name,
        kind,
        json.loads(parameters),
        every_hours,
        None if keep is None else Keep(**json.loads(keep)),
        *map(_moment, moments),
    )


def _moment(moment_ms: int | None) -> datetime | None:
    return None if moment_ms is None else from_ms(moment_ms)


# Snapshots


def find_packs(snapshot: Snapshot) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield id, domain and size of every pack that the snapshot needs."""
    for pack_id, domain, size in snapshot.rows("SELECT id, domain, size FROM pack WHERE state <> 'dead' ORDER BY id"):
        yield bytes(pack_id), bytes(domain), int(size)


def find_versions(snapshot: Snapshot) -> Iterator[Held]:
    """Yield every version that is kept, of files that are there, were there, or are in the trash."""
    statement = (
        "SELECT v.node, (SELECT space FROM entry e WHERE e.node = v.node LIMIT 1), v.size, v.sha256, v.manifest"
        " FROM version v WHERE length(v.manifest) > 0 ORDER BY v.node, v.seq"
    )
    for node, space, size, sha256, manifest in snapshot.rows(statement):
        yield Held(node, id_bytes(SpaceId(space)), int(size), bytes(sha256), bytes(manifest))


def locate(snapshot: Snapshot, keys: list[bytes]) -> Iterator[tuple[bytes, tuple[bytes, int, int, int]]]:
    """Yield where each of the chunks *keys* lies: pack id, offset, length and plain length."""
    marks = ", ".join("?" * len(keys))
    statement = (
        "SELECT chunk.key, pack.id, chunk.position, chunk.length, chunk.raw_length"  # noqa: S608 - question marks only
        f" FROM chunk JOIN pack ON pack.number = chunk.pack WHERE chunk.key IN ({marks})"
    )
    for key, pack_id, position, length, raw_length in snapshot.rows(statement, keys):
        yield bytes(key), (bytes(pack_id), int(position), int(length), int(raw_length))


def find_root(snapshot: Snapshot, space: str) -> str | None:
    """Return the root of a space in a snapshot, or None if the space is not in it."""
    row = next(iter(snapshot.rows("SELECT root FROM space WHERE id = ?", (space,))), None)
    return None if row is None else str(row[0])


def find_children(snapshot: Snapshot, node: str) -> Iterator[HeldEntry]:
    """Yield what lies in a folder, by name."""
    statement = (
        "SELECT e.node, e.name, e.modified_ns, COALESCE(v.size, 0), v.sha256, v.manifest"
        " FROM entry e LEFT JOIN version v ON v.node = e.node AND v.seq = e.version"
        " WHERE e.parent = ? AND e.to_seq IS NULL ORDER BY e.name"
    )
    for child, name, modified_ns, size, sha256, manifest in snapshot.rows(statement, (node,)):
        yield HeldEntry(child, name, int(modified_ns), int(size), bytes(sha256 or b""), manifest and bytes(manifest))
