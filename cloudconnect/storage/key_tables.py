"""The keys in the keyring: those of spaces, each use in its epochs, and those of services, each in its versions.

A space has keys of three uses: ``seal`` seals its records, ``name`` names its content, ``cut`` says where that is cut.
Every epoch of the first two is kept, for what was sealed and named with it; of the third only the newest is of use.
Nothing here begins or ends a transaction.
"""

import sqlite3
import struct
from collections.abc import Mapping
from typing import Final

from cloudconnect.storage.seal import ContentIds, DomainKeys, Key, new_key, open_box, seal_box

_FIRST_EPOCHS: Final = (("seal", 1), ("name", 0), ("cut", 0))
_LABELS: Final = {"seal": "space-key", "name": "space-content-ids", "cut": "space-cuts"}


# Spaces


def add_space(database: sqlite3.Connection, wrapping: Key, space: bytes) -> None:
    """Make the keys of *space*, its 16 bytes; keys that are there stay."""
    for use, epoch in _FIRST_EPOCHS:
        database.execute(
            "INSERT INTO space_key SELECT ?, ?, ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM space_key WHERE space = ? AND use = ?)",
            (space, use, epoch, _space_box(wrapping, use, space, epoch, new_key()), space, use),
        )


def read_space(database: sqlite3.Connection, wrapping: Key, space: bytes) -> DomainKeys | None:
    """Return the keys of *space*, or None if it has none.

    Raises:
        NotAuthentic, Malformed, LookupError: they are not what was written.
    """
    rows = database.execute(
        "SELECT use, epoch, box FROM space_key WHERE space = ? ORDER BY epoch DESC", (space,)
    ).fetchall()
    if not rows:
        return None
    keys: dict[str, dict[int, Key]] = {use: {} for use in _LABELS}
    for use, epoch, box in rows:
        keys[use][epoch] = _space_key(wrapping, use, space, epoch, box)
    newest, *earlier = map(ContentIds, keys["name"].values())
    if not keys["seal"]:
        raise LookupError("a space without a key to seal with")
    return DomainKeys(space, keys["seal"], newest, next(iter(keys["cut"].values())), tuple(earlier))


def add_epoch(database: sqlite3.Connection, wrapping: Key, space: bytes, use: str) -> int:
    """Make a key of the next epoch for one use of *space*, and return the epoch."""
    row = database.execute("SELECT MAX(epoch) FROM space_key WHERE space = ? AND use = ?", (space, use)).fetchone()
    epoch = int(row[0]) + 1
    box = _space_box(wrapping, use, space, epoch, new_key())
    database.execute("INSERT INTO space_key VALUES (?, ?, ?, ?)", (space, use, epoch, box))
    return epoch


def drop_earlier(database: sqlite3.Connection, space: bytes, use: str, epoch: int) -> None:
    """Erase the keys of *space* for one use from before *epoch*."""
    database.execute("DELETE FROM space_key WHERE space = ? AND use = ? AND epoch < ?", (space, use, epoch))


def seal_spaces(database: sqlite3.Connection, before: Key, wrapping: Key) -> int:
    """Seal the keys of all spaces, which are sealed under *before*, under *wrapping*; return how many keys they are."""
    rows = database.execute("SELECT use, space, epoch, box FROM space_key").fetchall()
    boxes = [
        (_space_box(wrapping, use, space, epoch, _space_key(before, use, space, epoch, box)), space, use, epoch)
        for use, space, epoch, box in rows
    ]
    database.executemany("UPDATE space_key SET box = ? WHERE space = ? AND use = ? AND epoch = ?", boxes)
    return len(boxes)


def _space_key(wrapping: Key, use: str, space: bytes, epoch: int, box: bytes) -> Key:
    return Key(open_box(wrapping, _LABELS[use], box, space, struct.pack(">I", epoch)))


def _space_box(wrapping: Key, use: str, space: bytes, epoch: int, key: Key) -> bytes:
    return seal_box(wrapping, _LABELS[use], key.secret, space, struct.pack(">I", epoch))


# Services


def read_service(database: sqlite3.Connection, master: Key, name: str) -> Mapping[int, Key]:
    """Return the keys of the service *name* by their versions, newest first; there may be none."""
    rows = database.execute("SELECT version, box FROM service_key WHERE name = ? ORDER BY version DESC", (name,))
    return {version: _service_key(master, name, version, box) for version, box in rows.fetchall()}


def add_service(database: sqlite3.Connection, master: Key, name: str) -> int:
    """Make the next version of the key of the service *name*, and return the version."""
    (newest,) = database.execute("SELECT COALESCE(MAX(version), 0) FROM service_key WHERE name = ?", (name,)).fetchone()
    version = int(newest) + 1
    box = _service_box(master, name, version, new_key())
    database.execute("INSERT INTO service_key VALUES (?, ?, ?)", (name, version, box))
    return version


def seal_services(database: sqlite3.Connection, before: Key, master: Key) -> None:
    """Seal the keys of all services, which are sealed under *before*, under *master*."""
    rows = database.execute("SELECT name, version, box FROM service_key").fetchall()
    boxes = [
        (_service_box(master, name, version, _service_key(before, name, version, box)), name, version)
        for name, version, box in rows
    ]
    database.executemany("UPDATE service_key SET box = ? WHERE name = ? AND version = ?", boxes)


def _service_key(master: Key, name: str, version: int, box: bytes) -> Key:
    return Key(open_box(master, "svc", box, name.encode(), struct.pack(">I", version)))


def _service_box(master: Key, name: str, version: int, key: Key) -> bytes:
    return seal_box(master, "svc", key.secret, name.encode(), struct.pack(">I", version))
