"""The tables of what people say about nodes: tags, true from one seq until another, and the fields of a space."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloudconnect.features.files.models import Field, FieldKind, Tag, TagUse
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.values import Value, ValueKind
from cloudconnect.ports.sql import Sql

_ASKED_AT_ONCE = 400
_TRUE_AT = "from_seq <= ? AND (to_seq IS NULL OR to_seq > ?)"


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag of a node from one seq until another, None for now."""

    node: NodeId
    tag: Tag
    from_seq: int
    to_seq: int | None


def find_tags(sql: Sql, nodes: Sequence[NodeId], at: int | None) -> dict[NodeId, list[Tag]]:
    """Return the tags of those of *nodes* that have any, by name, now or as of the seq *at*."""
    found: dict[NodeId, list[Tag]] = {}
    moment, times = ("to_seq IS NULL", ()) if at is None else (_TRUE_AT, (at, at))
    for start in range(0, len(nodes), _ASKED_AT_ONCE):
        part = nodes[start : start + _ASKED_AT_ONCE]
        rows = sql.rows(
            f"SELECT node, name, kind, value, number FROM tag WHERE node IN ({', '.join('?' * len(part))})"  # noqa: S608 - question marks only
            f" AND {moment} ORDER BY node, name",
            (*part, *times),
        )
        for node, name, kind, value, number in rows:
            found.setdefault(NodeId(node), []).append(Tag(name, Value(ValueKind(kind), value, number)))
    return found


def add_tag(sql: Sql, space: SpaceId, node: NodeId, tag: Tag, seq: int) -> None:
    """Let *tag* be true of *node* from *seq* on, in the place of one of the same name."""
    end_tag(sql, node, tag.name, seq)
    sql.execute(
        "INSERT INTO tag (node, name, from_seq, to_seq, space, kind, value, number) VALUES (?, ?, ?, NULL, ?, ?, ?, ?)",
        (node, tag.name, seq, space, tag.value.kind.value, tag.value.text, tag.value.number),
    )


def end_tag(sql: Sql, node: NodeId, name: str, seq: int) -> bool:
    """Let the tag *name* be true of *node* no longer; tell whether it was."""
    statement = "UPDATE tag SET to_seq = ? WHERE node = ? AND name = ? AND to_seq IS NULL"
    return sql.execute(statement, (seq, node, name)) > 0


def copy_tags(
    sql: Sql,
    space: SpaceId,
    copies: Iterable[tuple[NodeId, NodeId]],
    at: int | None,
    seq: int,
    into: SpaceId | None = None,
) -> None:
    """For each (node, new node), let what tags the node has, or had at *at*, be true of the new one from *seq*.

    The new nodes are in the space *into*, or in the same one.
    """
    new_nodes = dict(copies)
    if sql.row("SELECT 1 FROM tag WHERE space = ? LIMIT 1", (space,)) is None:
        return
    sql.execute_many(
        "INSERT INTO tag (node, name, from_seq, to_seq, space, kind, value, number) VALUES (?, ?, ?, NULL, ?, ?, ?, ?)",
        [
            (new_nodes[node], tag.name, seq, into or space, tag.value.kind.value, tag.value.text, tag.value.number)
            for node, tags in find_tags(sql, list(new_nodes), at).items()
            for tag in tags
        ],
    )


def find_touched(sql: Sql, space: SpaceId, first: int, last: int) -> list[TagRow]:
    """Return the past since *first* of the tags in *space* that began or ended from *first* to *last*, in order."""
    rows = sql.rows(
        "WITH touched (node, name) AS ("
        "SELECT node, name FROM tag WHERE space = ? AND from_seq >= ? AND from_seq <= ?"
        " UNION SELECT node, name FROM tag WHERE space = ? AND to_seq >= ? AND to_seq <= ?)"
        " SELECT t.node, t.name, t.kind, t.value, t.number, t.from_seq, t.to_seq FROM touched"
        " JOIN tag t ON t.node = touched.node AND t.name = touched.name"
        " WHERE t.to_seq IS NULL OR t.to_seq >= ? ORDER BY t.node, t.name, t.from_seq",
        (space, first, last, space, first, last, first),
    )
    return [
        TagRow(NodeId(node), Tag(name, Value(ValueKind(kind), value, number)), from_seq, to_seq)
        for node, name, kind, value, number, from_seq, to_seq in rows
    ]


def touches(sql: Sql, space: SpaceId, first: int, last: int) -> bool:
    """Tell whether any tag in *space* began or ended from *first* to *last*."""
    row = sql.row(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM tag WHERE space = ? AND from_seq >= ? AND from_seq <= ?)"
        " OR EXISTS (SELECT 1 FROM tag WHERE space = ? AND to_seq >= ? AND to_seq <= ?)",
        (space, first, last, space, first, last),
    )
    return row is not None


def find_used(sql: Sql, space: SpaceId, after: str, limit: int) -> list[TagUse]:
    """Return up to *limit* names of tags that are on anything in *space*, behind *after*.

    What lies in a folder that is in the trash counts, what was put there by itself does not.
    """
    rows = sql.rows(
        "SELECT t.name, COUNT(*) FROM tag t JOIN entry e ON e.node = t.node AND e.to_seq IS NULL"
        " WHERE t.space = ? AND t.to_seq IS NULL AND t.name > ? GROUP BY t.name ORDER BY t.name LIMIT ?",
        (space, after, limit),
    )
    return [TagUse(name, count) for name, count in rows]


def remove_nodes(sql: Sql, nodes: Sequence[NodeId]) -> None:
    """Remove all that was ever said about *nodes*, which are gone for good."""
    sql.execute_many("DELETE FROM tag WHERE node = ?", [(node,) for node in nodes])
    sql.execute_many("DELETE FROM favourite WHERE node = ?", [(node,) for node in nodes])


def remove_all(sql: Sql, space: SpaceId) -> None:
    """Remove all that was ever said in *space*, which is gone for good."""
    for table in ("tag", "favourite", "field"):
        sql.execute(f"DELETE FROM {table} WHERE space = ?", (space,))  # noqa: S608 - names from the line above


def find_fields(sql: Sql, space: SpaceId) -> list[Field]:
    """Return the fields of *space* by name."""
    rows = sql.rows("SELECT name, kind, choices FROM field WHERE space = ? ORDER BY name", (space,))
    return [Field(name, FieldKind(kind), tuple(json.loads(choices))) for name, kind, choices in rows]


def set_field(sql: Sql, space: SpaceId, field: Field) -> None:
    """Keep *field*, in the place of one of the same name."""
    remove_field(sql, space, field.name)
    sql.execute(
        "INSERT INTO field (space, name, kind, choices) VALUES (?, ?, ?, ?)",
        (space, field.name, field.kind.value, json.dumps(field.choices, ensure_ascii=False)),
    )


def remove_field(sql: Sql, space: SpaceId, name: str) -> bool:
    """Forget a field; tell whether there was one."""
    return sql.execute("DELETE FROM field WHERE space = ? AND name = ?", (space, name)) > 0
