"""The tables of edits in bulk that are under way: each with the portions that are still to be done."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from cloudconnect.features.files.models import BulkEdit
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class Planned:
    """One item of a plan: the node, since when it is as it was seen, and its path then."""

    node: NodeId
    from_seq: int
    path: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an edit in bulk is: what of its ``items`` is done and what was passed over, and where that stands."""

    space: SpaceId
    edit: BulkEdit
    items: int
    done: int
    passed_over: int
    spans: tuple[tuple[int, int], ...]


def add(sql: Sql, identifier: str, space: SpaceId, edit: BulkEdit, items: int, now_ms: int) -> None:
    """Begin an edit of *items* in *space*."""
    sql.execute(
        "INSERT INTO bulk_edit (id, space, edit, items, done, passed_over, spans, created_ms)"
        " VALUES (?, ?, ?, ?, 0, 0, '[]', ?)",
        (identifier, space, msgspec.json.encode(edit).decode(), items, now_ms),
    )


def add_portions(sql: Sql, identifier: str, space: SpaceId, portions: Sequence[Sequence[Planned]]) -> None:
    """Let the edit do *portions*, one after the other."""
    sql.execute_many(
        "INSERT INTO bulk_portion (edit, number, space, items) VALUES (?, ?, ?, ?)",
        [
            (identifier, number, space, msgspec.json.encode(list(portion)).decode())
            for number, portion in enumerate(portions)
        ],
    )


def find(sql: Sql, identifier: str) -> Standing | None:
    """Return how far an edit is, None where there is none."""
    row = sql.row("SELECT space, edit, items, done, passed_over, spans FROM bulk_edit WHERE id = ?", (identifier,))
    if row is None:
        return None
    space, edit, items, done, passed_over, spans = row
    return Standing(
        SpaceId(space),
        msgspec.json.decode(edit, type=BulkEdit),
        int(items),
        int(done),
        int(passed_over),
        tuple((int(first), int(last)) for first, last in json.loads(spans)),
    )


def find_next(sql: Sql, identifier: str) -> tuple[int, list[Planned]] | None:
    """Return the number and the items of the portion that comes next, None once all are done."""
    row = sql.row(
        "SELECT number, items FROM bulk_portion WHERE edit = ? ORDER BY number LIMIT 1",
        (identifier,),
    )
    return None if row is None else (int(row[0]), msgspec.json.decode(row[1], type=list[Planned]))


def end_portion(sql: Sql, identifier: str, number: int, standing: Standing) -> None:
    """Let the portion be done, and *standing* be how far its edit is."""
    sql.execute("DELETE FROM bulk_portion WHERE edit = ? AND number = ?", (identifier, number))
    sql.execute(
        "UPDATE bulk_edit SET done = ?, passed_over = ?, spans = ? WHERE id = ?",
        (standing.done, standing.passed_over, json.dumps(standing.spans), identifier),
    )


def remove(sql: Sql, identifier: str) -> None:
    """Forget an edit, and what of it is not done."""
    for statement in ("DELETE FROM bulk_portion WHERE edit = ?", "DELETE FROM bulk_edit WHERE id = ?"):
        sql.execute(statement, (identifier,))


def remove_ended(sql: Sql, before_ms: int) -> None:
    """Forget the edits that began before *before_ms* and of which nothing is left to do."""
    sql.execute(
        "DELETE FROM bulk_edit WHERE created_ms < ? AND id NOT IN (SELECT edit FROM bulk_portion)",
        (before_ms,),
    )


def remove_space(sql: Sql, space: SpaceId) -> None:
    """Forget every edit in *space*, which is no more."""
    for statement in ("DELETE FROM bulk_portion WHERE space = ?", "DELETE FROM bulk_edit WHERE space = ?"):
        sql.execute(statement, (space,))
