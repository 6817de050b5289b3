"""The table of operations."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudconnect.features.operations.models import Operation, OperationId, State
from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.redacting import redacted
from cloudconnect.kernel.text import Text
from cloudconnect.ports.sql import Row, Sql

_COLUMNS = (
    "id, kind, parameters, state, done, total, note, checkpoint, result, error, author, created_ms, started_ms,"
    " worked_ms, finished_ms"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an operation is, as its run says."""

    done: int
    total: int
    note: str
    checkpoint: str
    worked_ms: int


def add(sql: Sql, operation: OperationId, kind: str, parameters: Mapping[str, str], author: str, now_ms: int) -> None:
    """Add an operation that waits for its turn."""
    sql.execute(
        "INSERT INTO operation (id, kind, parameters, state, done, total, note, checkpoint, result, error, author,"
        " created_ms, worked_ms, updated_ms) VALUES (?, ?, ?, 'waiting', 0, 0, '', '', '{}', '', ?, ?, 0, ?)",
        (operation, kind, json.dumps(dict(parameters)), author, now_ms, now_ms),
    )


def find(sql: Sql, operation: OperationId) -> Operation | None:
    """Return an operation, or None when there is none of this id."""
    row = sql.row(f"SELECT {_COLUMNS} FROM operation WHERE id = ?", (operation,))  # noqa: S608 - constant
    return None if row is None else _operation(row)


def find_before(sql: Sql, before: str, limit: int, author: str | None = None) -> list[Operation]:
    """Return up to *limit* operations, newest first, older than the id *before*, of everybody or of one *author*."""
    of_author, by = ("", ()) if author is None else (" AND author = ?", (author,))
    rows = sql.rows(
        f"SELECT {_COLUMNS} FROM operation WHERE id < ?{of_author} ORDER BY id DESC LIMIT ?",  # noqa: S608 - constants
        (before, *by, limit),
    )
    return [_operation(row) for row in rows]


def find_in_states(sql: Sql, states: Sequence[State]) -> list[Operation]:
    """Return the operations in any of *states*, oldest first."""
    marks = ", ".join("?" * len(states))
    rows = sql.rows(f"SELECT {_COLUMNS} FROM operation WHERE state IN ({marks}) ORDER BY id", list(states))  # noqa: S608 - question marks
    return [_operation(row) for row in rows]


def begin(sql: Sql, operation: OperationId, now_ms: int) -> None:
    """Note that an operation is at work."""
    sql.execute(
        "UPDATE operation SET state = 'running', error = '', started_ms = COALESCE(started_ms, ?), updated_ms = ?"
        " WHERE id = ?",
        (now_ms, now_ms, operation),
    )


def write_standing(sql: Sql, operation: OperationId, standing: Standing, now_ms: int) -> None:
    """Note how far an operation is."""
    sql.execute(
        "UPDATE operation SET done = ?, total = ?, note = ?, checkpoint = ?, worked_ms = ?, updated_ms = ?"
        " WHERE id = ?",
        (
            standing.done,
            standing.total,
            standing.note,
            standing.checkpoint,
            standing.worked_ms,
            now_ms,
            operation,
        ),
    )


def set_state(sql: Sql, operation: OperationId, state: State, now_ms: int, *, is_over: bool, error: str = "") -> None:
    """Put an operation into *state*, with the moment if that is its end."""
    sql.execute(
        "UPDATE operation SET state = ?, error = ?, updated_ms = ?, finished_ms = ? WHERE id = ?",
        (state, error, now_ms, now_ms if is_over else None, operation),
    )


def write_result(sql: Sql, operation: OperationId, result: Mapping[str, int | str]) -> None:
    """Keep what an operation found or did."""
    sql.execute("UPDATE operation SET result = ? WHERE id = ?", (json.dumps(dict(result)), operation))


def forget_words(sql: Sql, space: str) -> None:
    """Empty the texts of operations on *space* that have ended, but for ids: they may name what was in it."""
    rows = sql.rows(
        "SELECT id, parameters, result FROM operation WHERE parameters LIKE ? AND finished_ms IS NOT NULL",
        (f"%{space}%",),
    )
    sql.execute_many(
        "UPDATE operation SET parameters = ?, result = ?, note = '', error = '', checkpoint = '' WHERE id = ?",
        [(_redacted(str(parameters)), _redacted(str(result)), identifier) for identifier, parameters, result in rows],
    )


def _redacted(text: str) -> str:
    return json.dumps(redacted(json.loads(text)))


def remove_finished(sql: Sql, before_ms: int) -> int:
    """Forget operations that ended before *before_ms*; return how many."""
    return sql.execute("DELETE FROM operation WHERE finished_ms < ? AND state <> 'failed'", (before_ms,))


def _operation(row: Row) -> Operation:
    (identifier, kind, parameters, state, done, total, note, checkpoint, result, error, author, *times) = row
    created_ms, started_ms, worked_ms, finished_ms = times
    return Operation(
        id=OperationId(identifier),
        kind=kind,
        title=Text(kind),
        unit="",
        parameters=json.loads(parameters),
        state=State(state),
        done=done,
        total=total,
        note=note,
        checkpoint=checkpoint,
        result=json.loads(result),
        error=error,
        author=author,
        created=from_ms(created_ms),
        started=None if started_ms is None else from_ms(started_ms),
        finished=None if finished_ms is None else from_ms(finished_ms),
        worked_seconds=worked_ms / 1000,
        remaining_seconds=None,
    )
