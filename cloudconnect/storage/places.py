"""The rows that say which backend holds a pack, which backends were added and where new packs go.

What was added is also written down beside the keyring: when the database is lost, its catalogs may lie there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cloudconnect.storage.disk import write_file
from cloudconnect.storage.index import MAIN, Sql, StoredPack

_LIST: Final = "storages.json"


@dataclass(frozen=True, slots=True)
class AddedBackend:
    """A backend that was added to the one of the settings."""

    name: str
    kind: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Holding:
    """How much a backend holds."""

    packs: int
    size: int


def find_place(sql: Sql, pack_id: bytes) -> str | None:
    """Return the name of the backend that holds a pack, or None when there is no such pack."""
    row = sql.row("SELECT backend FROM pack WHERE id = ?", (pack_id,))
    return None if row is None else str(row[0])


def find_packs_in(sql: Sql, backend: str, after: int, limit: int) -> list[tuple[int, StoredPack]]:
    """Return up to *limit* packs of a backend with their numbers, of which each is greater than *after*."""
    rows = sql.rows(
        "SELECT number, id, domain, size, backend FROM pack"
        " WHERE backend = ? AND number > ? AND state <> 'dead' ORDER BY number LIMIT ?",
        (backend, after, limit),
    )
    return [(int(number), StoredPack(*pack)) for number, *pack in rows]


def switch(sql: Sql, pack_id: bytes, backend: str) -> bool:
    """Let a pack lie in another backend from now on; tell whether there is such a pack still."""
    sql.execute("UPDATE pack SET backend = ? WHERE id = ? AND state <> 'dead'", (backend, pack_id))
    return sql.row("SELECT 1 FROM pack WHERE id = ? AND state <> 'dead'", (pack_id,)) is not None


def find_holdings(sql: Sql) -> dict[str, Holding]:
    """Return how much each backend holds, by its name; one that holds nothing is missing."""
    rows = sql.rows("SELECT backend, COUNT(*), SUM(size) FROM pack WHERE state <> 'dead' GROUP BY backend")
    return {str(name): Holding(int(count), int(size)) for name, count, size in rows}


def find_added(sql: Sql) -> list[AddedBackend]:
    """Return the backends that were added, oldest first."""
    rows = sql.rows("SELECT name, kind, parameters FROM backend ORDER BY created_ms, name")
    return [AddedBackend(str(name), str(kind), json.loads(parameters)) for name, kind, parameters in rows]


def add(sql: Sql, backend: AddedBackend, now_ms: int) -> None:
    """Add a backend."""
    sql.execute(
        "INSERT INTO backend (name, kind, parameters, created_ms) VALUES (?, ?, ?, ?)",
        (backend.name, backend.kind, json.dumps(dict(backend.parameters)), now_ms),
    )


def remove(sql: Sql, name: str) -> None:
    """Remove the row of an added backend."""
    sql.execute("DELETE FROM backend WHERE name = ?", (name,))


def find_target(sql: Sql) -> str:
    """Return the name of the backend that new packs go to."""
    row = sql.row("SELECT name FROM backend_target")
    return MAIN if row is None else str(row[0])


def aim(sql: Sql, backend: str) -> None:
    """Send new packs to a backend from now on, also after a start."""
    sql.execute(
        "INSERT INTO backend_target (place, name) VALUES (1, ?) ON CONFLICT (place) DO UPDATE SET name = excluded.name",
        (backend,),
    )


def write_list(home: Path, added: Sequence[AddedBackend]) -> None:
    """Write down in the data directory which backends were added, unless that is what it says already."""
    text = json.dumps([asdict(each) for each in added], indent=2).encode()
    path = home / _LIST
    if (path.read_bytes() if path.exists() else b"[]") != text:
        write_file(path, text)


def read_list(home: Path) -> list[AddedBackend]:
    """Return the backends that are written down in the data directory.

    Raises:
        ValueError: the list is not what was written.
    """
    path = home / _LIST
    document = json.loads(path.read_bytes()) if path.exists() else []
    try:
        return [AddedBackend(each["name"], each["kind"], dict(each["parameters"])) for each in document]
    except (KeyError, TypeError) as error:
        raise ValueError(_LIST) from error
