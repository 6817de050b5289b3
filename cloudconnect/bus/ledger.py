"""Assigning places in the log: positions over all, a gapless seq in each space.

Places are handed out inside the transaction that stores the facts, by the one writer, so nobody ever sees position N+1
before N, and a unit that is rolled back gives its places back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from cloudconnect.bus.unit import Recorded
from cloudconnect.database.connection import Connection
from cloudconnect.database.writer import Job
from cloudconnect.events import Fact, SpaceFact
from cloudconnect.kernel.clock import Clock, from_ms, to_ms
from cloudconnect.kernel.principal import Principal

_COUNTER_BITS = 16
_KIND = 4  # where a row has it


@dataclass(frozen=True, slots=True)
class Mark:
    """The state of the ledger before a unit."""

    position: int
    hlc: int
    rows: int
    seqs: dict[str, int]


class Reached(NamedTuple):
    """How far a transaction brought the log, and the kinds of its facts."""

    position: int
    kinds: frozenset[str]


Answer = Callable[[Sequence[Job], Sequence[BaseException | None], Reached | None], None]
"""Takes the jobs of a transaction, their outcomes, and where it brought the log, None if it was rolled back."""


class LogLedger:
    """Keeps the counters of the log for the writer's thread, which alone may use it."""

    def __init__(self, clock: Clock, region: str, answer: Answer) -> None:
        self._clock = clock
        self._region = region
        self._answer = answer
        self._position = -1
        self._hlc = 0
        self._unit = 0
        self._seqs: dict[str, int] = {}
        self._rows: list[tuple[Any, ...]] = []
        self.now = clock.now()

    def open(self, connection: Connection) -> None:
        """Read where the log ends; another process may have written since, so it is asked each time."""
        row = connection.row("SELECT position, hlc FROM event ORDER BY position DESC LIMIT 1")
        self._position, last_hlc = (0, 0) if row is None else (int(row[0]), int(row[1]))
        self._hlc = max(last_hlc, to_ms(self._clock.now()) << _COUNTER_BITS)
        self.now = from_ms(self._hlc >> _COUNTER_BITS)
        self._seqs.clear()
        self._rows.clear()

    def mark(self) -> Mark:
        """Return the state to come back to if the next unit is rolled back."""
        self._unit = self._position + 1
        return Mark(self._position, self._hlc, len(self._rows), dict(self._seqs))

    def return_to(self, mark: object) -> None:
        """Take back the places that were handed out since *mark*."""
        if not isinstance(mark, Mark):
            raise TypeError("not a mark of this ledger")
        self._position, self._hlc, self._seqs = mark.position, mark.hlc, mark.seqs
        del self._rows[mark.rows :]

    def record(self, connection: Connection, fact: Fact, actor: Principal) -> Recorded:
        """Give *fact* its places."""
        self._position += 1
        self._hlc += 1
        space = fact.space if isinstance(fact, SpaceFact) else None
        seq = None if space is None else self._next_seq(connection, space)
        payload = msgspec.json.encode(fact).decode()
        self._rows.append(
            (
                self._position,
                space,
                seq,
                f"{self._region}-{self._position}",
                fact.kind,
                actor.id,
                actor.credential,
                fact.subject,
                payload,
                self._hlc,
                self._region,
                self._unit,
            )
        )
        return Recorded(self._position, seq)

    def close(self, connection: Connection) -> None:
        """Store the facts of this transaction and how far each space's log goes."""
        if not self._rows:
            return
        connection.execute_many(
            "INSERT INTO event (position, space, seq, id, kind, actor, session, subject, payload, hlc, region, unit)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            self._rows,
        )
        connection.execute_many(
            "INSERT INTO space_log (space, seq) VALUES (?, ?) ON CONFLICT (space) DO UPDATE SET seq = excluded.seq",
            list(self._seqs.items()),
        )

    def settled(self, jobs: Sequence[Job], outcomes: Sequence[BaseException | None], *, is_committed: bool) -> None:
        """Pass the outcome of a transaction on."""
        reached = Reached(self._position, frozenset(row[_KIND] for row in self._rows)) if is_committed else None
        self._answer(jobs, outcomes, reached)

    def _next_seq(self, connection: Connection, space: str) -> int:
        seq = self._seqs.get(space)
        if seq is None:
            row = connection.row("SELECT seq FROM space_log WHERE space = ?", (space,))
            seq = 0 if row is None else int(row[0])
        self._seqs[space] = seq + 1
        return seq + 1


def moment_of(hlc: int) -> datetime:
    """Return the time in a hybrid logical clock's value."""
    return from_ms(hlc >> _COUNTER_BITS)


def latest_hlc(moment: datetime) -> int:
    """Return the greatest value of the hybrid logical clock that is not after *moment*."""
    return (to_ms(moment) << _COUNTER_BITS) | ((1 << _COUNTER_BITS) - 1)
