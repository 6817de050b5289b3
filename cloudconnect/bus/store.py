"""The tables of the log: facts, bookmarks, what was parked, and when jobs ran."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from cloudconnect.bus.unit import StoredFact
from cloudconnect.events import Fact, catalogue
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.sql import Row, Sql

_COLUMNS = "position, seq, kind, payload, id, space, actor, session, hlc, region"
_CATALOGUE = catalogue()


@dataclass(frozen=True, slots=True)
class Parked:
    """A fact that a listener gave up on, waiting for a person; *kind* and *space* are those of the fact."""

    listener: str
    position: int
    attempts: int
    error: str
    parked_ms: int
    kind: str = ""
    space: str | None = None

    @property
    def id(self) -> str:
        """By what a person names it."""
        return f"{self.position}-{self.listener}"


def find_last_position(sql: Sql) -> int:
    """Return the position of the last fact, 0 when there is none."""
    row = sql.row("SELECT max(position) FROM event")
    return 0 if row is None or row[0] is None else int(row[0])


def find_facts(sql: Sql, after: int, limit: int, kinds: Sequence[str] | None) -> list[StoredFact]:
    """Return up to *limit* facts behind the position *after*, of the given kinds, or of all."""
    chosen = "" if kinds is None else f" AND kind IN ({', '.join('?' * len(kinds))})"
    rows = sql.rows(
        f"SELECT {_COLUMNS} FROM event WHERE position > ?{chosen} ORDER BY position LIMIT ?",  # noqa: S608 - no values
        (after, *(kinds or ()), limit),
    )
    return [_stored(row) for row in rows]


def find_fact(sql: Sql, position: int) -> StoredFact | None:
    """Return the fact at *position*."""
    row = sql.row(f"SELECT {_COLUMNS} FROM event WHERE position = ?", (position,))  # noqa: S608 - no values
    return None if row is None else _stored(row)


def find_seq_at(sql: Sql, space: SpaceId, hlc: int) -> int:
    """Return the last seq of *space* whose clock is not greater than *hlc*, 0 when there is none."""
    row = sql.row(
        "SELECT seq FROM event WHERE space = ? AND hlc <= ? ORDER BY hlc DESC LIMIT 1",
        (space, hlc),
    )
    return 0 if row is None else int(row[0])


def find_bookmark(sql: Sql, listener: str) -> int | None:
    """Return how far *listener* has read, None when it has never."""
    row = sql.row("SELECT position FROM bookmark WHERE listener = ?", (listener,))
    return None if row is None else int(row[0])


def set_bookmark(sql: Sql, listener: str, position: int) -> None:
    """Note how far *listener* has read."""
    sql.execute(
        "INSERT INTO bookmark (listener, position) VALUES (?, ?)"
        " ON CONFLICT (listener) DO UPDATE SET position = excluded.position",
        (listener, position),
    )


def add_parked(sql: Sql, parked: Parked) -> None:
    """Note that a listener gave up on a fact, once more or for the first time."""
    sql.execute(
        "INSERT INTO parked (listener, position, attempts, error, parked_ms) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (listener, position) DO UPDATE SET attempts = parked.attempts + excluded.attempts,"
        " error = excluded.error,"
        " parked_ms = excluded.parked_ms",
        (parked.listener, parked.position, parked.attempts, parked.error, parked.parked_ms),
    )


def find_parked(sql: Sql, limit: int, after: tuple[int, str] = (0, "")) -> list[Parked]:
    """Return up to *limit* parked facts, oldest first, behind the position and listener *after*."""
    rows = sql.rows(
        "SELECT p.listener, p.position, p.attempts, p.error, p.parked_ms, COALESCE(e.kind, ''), e.space"
        " FROM parked p LEFT JOIN event e ON e.position = p.position"
        " WHERE (p.position, p.listener) > (?, ?) ORDER BY p.position, p.listener LIMIT ?",
        (*after, limit),
    )
    return [Parked(*row) for row in rows]


def is_parked(sql: Sql, listener: str, position: int) -> bool:
    """Tell whether *listener* gave up on the fact at *position*."""
    return sql.row("SELECT 1 FROM parked WHERE listener = ? AND position = ?", (listener, position)) is not None


def remove_parked(sql: Sql, listener: str, position: int) -> None:
    """Forget that a fact was parked: it was handled after all."""
    sql.execute("DELETE FROM parked WHERE listener = ? AND position = ?", (listener, position))


def find_job_start(sql: Sql, name: str) -> int | None:
    """Return when the job *name* was last started, milliseconds since 1970."""
    row = sql.row("SELECT started_ms FROM job WHERE name = ?", (name,))
    return None if row is None or row[0] is None else int(row[0])


def note_job(sql: Sql, name: str, started_ms: int, finished_ms: int, outcome: str) -> None:
    """Note a run of the job *name*."""
    sql.execute(
        "INSERT INTO job (name, started_ms, finished_ms, outcome) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET started_ms = excluded.started_ms, finished_ms = excluded.finished_ms,"
        " outcome = excluded.outcome",
        (name, started_ms, finished_ms, outcome),
    )


def _stored(row: Row) -> StoredFact:
    position, seq, kind, payload, identifier, space, actor, session, hlc, region = row
    fact: Fact = msgspec.json.decode(payload, type=_CATALOGUE[kind])
    return StoredFact(
        position=position,
        seq=seq,
        fact=fact,
        id=identifier,
        space=None if space is None else SpaceId(space),
        actor=actor,
        session=session,
        hlc=hlc,
        region=region,
    )
