"""What changed in a space between two of its seqs, and by whom.

``space || ''`` asks for the indexes by time; the plain ``space`` only makes sure that a node is of this space.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from cloudconnect.features.files.models import Entry
from cloudconnect.features.files.moments import Seqs
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql

_Key = TypeVar("_Key")

_ASKED_AT_ONCE = 400
_KEPT_SIZE = "CASE WHEN v.pruned_ms IS NULL THEN v.size END"
_ROW = f"e.node, e.from_seq, e.to_seq, e.parent, e.name, e.version, e.modified_ns, {_KEPT_SIZE}"
_LAST_NODE = "nod_~"
"""Sorts behind every node."""
_VERSION = "LEFT JOIN version v ON v.node = e.node AND v.seq = e.version"

State = tuple[NodeId | None, str, int | None, int]
"""What undoing gives back: parent, name, version and time of modification."""


@dataclass(frozen=True, slots=True)
class PastRow:
    """A node from one seq until another, None for now; ``size`` is None for folders and for versions that are gone."""

    node: NodeId
    from_seq: int
    to_seq: int | None
    parent: NodeId | None
    name: str
    version: int | None
    modified_ns: int
    size: int | None

    @property
    def state(self) -> State:
        """What can be told apart from another row of the node."""
        return self.parent, self.name, self.version, self.modified_ns

    def entry(self, seq: int) -> Entry:
        """Return the entry that says the same from *seq* on; its path is unknown."""
        return Entry(self.node, self.parent, self.name, "", self.modified_ns, seq, self.version, self.size, None, None)


@dataclass(frozen=True, slots=True)
class Past:
    """A node whose rows begin or end in a range: those that were true in it or later, and when it first existed."""

    node: NodeId
    born: int
    rows: list[PastRow]


@dataclass(frozen=True, slots=True)
class Made:
    """A fact of a space, as far as it tells what was done when."""

    seq: int
    unit: int
    kind: str
    subject: str
    payload: str
    hlc: int
    actor: str


def find_touched(sql: Sql, space: SpaceId, first: int, last: int) -> list[Past]:
    """Return the nodes of *space* of which a row begins or ends from *first* to *last*, in order, roots left out."""
    rows = sql.rows(
        "WITH touched (node) AS ("  # noqa: S608 - names of columns only
        "SELECT node FROM entry WHERE space || '' = ? AND from_seq >= ? AND from_seq <= ?"
        " UNION SELECT node FROM entry WHERE space || '' = ? AND to_seq >= ? AND to_seq <= ?)"
        f" SELECT (SELECT MIN(b.from_seq) FROM entry b WHERE b.node = t.node), {_ROW}"
        f" FROM touched t JOIN entry e ON e.node = t.node {_VERSION}"
        " WHERE e.parent IS NOT NULL AND (e.to_seq IS NULL OR e.to_seq >= ?)"
        " ORDER BY e.node, e.from_seq",
        (space, first, last, space, first, last, first),
    )
    found = [(row[0], _past_row(row[1:])) for row in rows]
    return [
        Past(node, of_node[0][0], [row for _, row in of_node])
        for node, of_node in ((node, list(group)) for node, group in groupby(found, key=lambda each: each[1].node))
    ]


def find_pasts(sql: Sql, space: SpaceId, nodes: Sequence[NodeId], since: int) -> dict[NodeId, Past]:
    """Return of each of *nodes* that is or was in *space* the rows that were true at *since* or later."""
    found: dict[NodeId, Past] = {}
    for part in _parts(nodes):
        rows = sql.rows(
            f"SELECT {_ROW} FROM entry e {_VERSION} WHERE e.node IN ({', '.join('?' * len(part))})"  # noqa: S608 - question marks only
            " AND e.space = ? AND (e.to_seq IS NULL OR e.to_seq > ?) ORDER BY e.node, e.from_seq",
            (*part, space, since),
        )
        for node, group in groupby(map(_past_row, rows), key=attrgetter("node")):
            of_node = list(group)
            found[node] = Past(node, of_node[0].from_seq, of_node)
    return found


def find_changed(
    sql: Sql, space: SpaceId, first: int, last: int, after: tuple[int, str], limit: int
) -> list[tuple[int, NodeId]]:
    """Return up to *limit* (seq, node) at which a row of the node begins or ends, in order, behind *after*."""
    seq, node = max(after, (first - 1, _LAST_NODE))
    rows = sql.rows(
        # Each half is cut by itself, so that both follow their index and neither is read to its end.
        "SELECT seq, node FROM (SELECT from_seq AS seq, node FROM entry"
        " WHERE space || '' = ? AND (from_seq, node) > (?, ?) AND from_seq <= ? ORDER BY from_seq, node LIMIT ?) begun"
        " UNION SELECT seq, node FROM (SELECT to_seq AS seq, node FROM entry"
        " WHERE space || '' = ? AND to_seq IS NOT NULL AND (to_seq, node) > (?, ?) AND to_seq <= ?"
        " ORDER BY to_seq, node LIMIT ?) ended"
        " ORDER BY seq, node LIMIT ?",
        (space, seq, node, last, limit, space, seq, node, last, limit, limit),
    )
    return [(changed, NodeId(of)) for changed, of in rows]


def find_occupants(sql: Sql, places: Collection[tuple[NodeId, str]]) -> dict[tuple[NodeId, str], NodeId]:
    """Return what is now at each of *places*, given by folder and name."""
    found: dict[tuple[NodeId, str], NodeId] = {}
    for part in _parts(sorted(places)):
        pairs = ", ".join(["(CAST(? AS TEXT), CAST(? AS TEXT))"] * len(part))
        rows = sql.rows(
            f"WITH wanted (parent, name) AS (VALUES {pairs}) SELECT e.parent, e.name, e.node FROM wanted"  # noqa: S608 - question marks only
            # A cross join keeps SQLite from reading all of the tree and looking for it in what is wanted.
            " CROSS JOIN entry e WHERE e.parent = wanted.parent AND e.name = wanted.name AND e.to_seq IS NULL",
            [each for place in part for each in place],
        )
        found.update(((NodeId(parent), name), NodeId(node)) for parent, name, node in rows)
    return found


def find_below(sql: Sql, folders: Sequence[NodeId]) -> list[PastRow]:
    """Return what is now in *folders*."""
    found: list[PastRow] = []
    for part in _parts(folders):
        rows = sql.rows(
            f"SELECT {_ROW} FROM entry e {_VERSION} WHERE e.to_seq IS NULL"  # noqa: S608 - question marks only
            f" AND e.parent IN ({', '.join('?' * len(part))})",
            part,
        )
        found += [_past_row(row) for row in rows]
    return found


def find_parents(sql: Sql, space: SpaceId, nodes: Sequence[NodeId]) -> dict[NodeId, NodeId | None]:
    """Return the folder that each of *nodes* is in now; what is not in the tree of *space* is left out."""
    found: dict[NodeId, NodeId | None] = {}
    for part in _parts(nodes):
        rows = sql.rows(
            f"SELECT node, parent FROM entry WHERE node IN ({', '.join('?' * len(part))})"  # noqa: S608 - question marks only
            " AND space = ? AND to_seq IS NULL",
            (*part, space),
        )
        found.update((NodeId(node), None if parent is None else NodeId(parent)) for node, parent in rows)
    return found


def find_in_trash(sql: Sql, nodes: Sequence[NodeId]) -> set[NodeId]:
    """Return those of *nodes* that are in the trash, by themselves and not with a folder."""
    found: set[NodeId] = set()
    for part in _parts(nodes):
        marks = ", ".join("?" * len(part))
        found.update(NodeId(node) for (node,) in sql.rows(f"SELECT node FROM trash WHERE node IN ({marks})", part))  # noqa: S608 - question marks only
    return found


def find_made(sql: Sql, space: SpaceId, span: tuple[int, int], chosen: tuple[str, str], limit: int) -> list[Made]:
    """Return up to *limit* facts of *space* in *span*, the latest first: those of an actor, and those of a kind."""
    rows = sql.rows(
        "SELECT seq, COALESCE(unit, position), kind, subject, payload, hlc, actor FROM event"
        " WHERE space = ? AND seq >= ? AND seq <= ? AND (actor = ? OR kind = ?) ORDER BY seq DESC LIMIT ?",
        (space, *span, *chosen, limit),
    )
    return [Made(*row) for row in rows]


def find_seqs_by(
    sql: Sql, space: SpaceId, first: int, last: int, credentials: Sequence[str], actor: str | None
) -> list[int]:
    """Return the seqs of *space* from *first* to *last* whose facts any of *credentials*, and *actor*, made."""
    chosen, facts = "", list(credentials)
    if credentials:
        chosen += f" AND session IN ({', '.join('?' * len(credentials))})"
    if actor is not None:
        chosen += " AND actor = ?"
        facts.append(actor)
    rows = sql.rows(
        f"SELECT seq FROM event WHERE space = ? AND seq >= ? AND seq <= ?{chosen} ORDER BY seq",  # noqa: S608 - question marks only
        (space, first, last, *facts),
    )
    return [seq for (seq,) in rows]


def touches(sql: Sql, space: SpaceId, first: int, last: int) -> bool:
    """Tell whether anything in the tree of *space* changed from *first* to *last*."""
    row = sql.row(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM entry WHERE space || '' = ? AND from_seq >= ? AND from_seq <= ?)"
        " OR EXISTS (SELECT 1 FROM entry WHERE space || '' = ? AND to_seq >= ? AND to_seq <= ?)",
        (space, first, last, space, first, last),
    )
    return row is not None


def holds_kind(sql: Sql, space: SpaceId, seqs: Seqs, kind: str) -> bool:
    """Tell whether any fact of *space* at *seqs* is of this *kind*."""
    rows = sql.rows(
        "SELECT seq FROM event WHERE space = ? AND seq >= ? AND seq <= ? AND kind = ?",
        (space, seqs.first, seqs.last, kind),
    )
    return any(seq in seqs for (seq,) in rows)


def find_time(sql: Sql, space: SpaceId, seq: int) -> int | None:
    """Return the clock of the fact at *seq*, None where there is none."""
    row = sql.row("SELECT hlc FROM event WHERE space = ? AND seq = ?", (space, seq))
    return None if row is None else int(row[0])


def _past_row(row: Sequence[object]) -> PastRow:
    return PastRow(*row)  # type: ignore[arg-type]  # the columns of _ROW are the fields of PastRow, in their order


def _parts(keys: Sequence[_Key]) -> Iterator[Sequence[_Key]]:
    for start in range(0, len(keys), _ASKED_AT_ONCE):
        yield keys[start : start + _ASKED_AT_ONCE]
