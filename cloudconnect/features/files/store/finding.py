"""Asking the tables for what a selection selects.

Everything but paths is decided by the database. A path is known only once the folders above an entry are, so a part of
a selection that asks for one lets through whatever might still pass, and the answer says of each entry which of the
other terms in that part hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from cloudconnect.features.files.models import Entry
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.selection import (
    All,
    AnyOf,
    Bounds,
    By,
    Contrary,
    Is,
    Modified,
    Name,
    Operator,
    Owner,
    Path,
    Selection,
    Size,
    Tagged,
    Term,
    Type,
    Words,
    bounds,
    terms_of,
)
from cloudconnect.kernel.values import ValueKind, fold, read_value
from cloudconnect.ports.sql import Row, Sql, Value

_COLUMNS = "e.node, e.parent, e.name, e.modified_ns, e.from_seq, e.version, v.size, v.media_type, v.sha256"
_COUNT = _COLUMNS.count(",") + 1
_GROUPS = frozenset({"image", "video", "audio", "text", "font"})
_YES, _NO = "1 = 1", "1 = 0"
_PRESENT = "{0}.to_seq IS NULL"
_PAST = "({0}.from_seq <= ? AND ({0}.to_seq IS NULL OR {0}.to_seq > ?))"


@dataclass(frozen=True, slots=True)
class Lens:
    """What the words of a selection stand for: where and when it is, who asks, who people are and who owns the space.

    ``at`` is the seq as of which to look, None for the present.
    """

    space: SpaceId
    now: datetime
    asker: str
    people: Mapping[str, str]
    owner: str
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that passes but for its path, which is not known yet, and which of the :func:`open_terms` hold."""

    entry: Entry
    holds: Mapping[Term, bool]


def open_terms(selection: Selection) -> list[Term]:
    """Return the terms that stand in one part of *selection* with a path, each once: they wait for the path."""
    parts = selection.parts if isinstance(selection, All) else (selection,)
    mixed = [list(terms_of(part)) for part in parts]
    return list(
        dict.fromkeys(
            term
            for terms in mixed
            if any(isinstance(each, Path) for each in terms)
            for term in terms
            if not isinstance(term, Path)
        )
    )


def find_candidates(
    sql: Sql, selection: Selection, lens: Lens, below: NodeId | None, after: str, limit: int
) -> list[Candidate]:
    """Return up to *limit* entries of the tree that may pass, by node, behind the node *after*.

    With *below*, only those below that folder: for one that holds little of its space.
    """
    moment, times = _moment("e", lens)
    source, sourced = ("", []) if below is None else _below(below, lens)
    inside = " AND e.node IN (SELECT node FROM below)" if source else ""
    return _ask(
        sql,
        (source, sourced),
        "",
        f"e.space = ? AND e.node > ? AND {moment}{inside}",
        [lens.space, after, *times],
        selection,
        lens,
        limit,
    )


def find_trashed(sql: Sql, selection: Selection, lens: Lens, after: str, limit: int) -> list[Candidate]:
    """Return up to *limit* entries of the tree, or removed from it into the trash, that may pass, behind *after*."""
    join = " LEFT JOIN trash g ON g.node = e.node AND g.trashed_seq = e.to_seq"
    scope = "e.space = ? AND e.node > ? AND (e.to_seq IS NULL OR g.node IS NOT NULL)"
    return _ask(sql, ("", []), join, scope, [lens.space, after], selection, lens, limit)


def _ask(
    sql: Sql,
    source: tuple[str, list[Value]],
    join: str,
    scope: str,
    scoped: list[Value],
    selection: Selection,
    lens: Lens,
    limit: int,
) -> list[Candidate]:
    terms = open_terms(selection)
    flags = [_term(term, lens) for term in terms]
    shown = "".join(f", CASE WHEN {text} THEN 1 ELSE 0 END" for text, _ in flags)
    passing, passed = _loosely(selection, lens, is_wanted=True)
    rows = sql.rows(
        f"{source[0]}SELECT {_COLUMNS}{shown} FROM entry e LEFT JOIN version v ON v.node = e.node"  # noqa: S608 - parameters hold what people wrote
        f" AND v.seq = e.version{join} WHERE {scope} AND e.parent IS NOT NULL AND ({passing})"
        f" ORDER BY e.node LIMIT {limit:d}",
        (*source[1], *(value for _, values in flags for value in values), *scoped, *passed),
    )
    return [
        Candidate(_entry(row), {term: bool(flag) for term, flag in zip(terms, row[_COUNT:], strict=True)})
        for row in rows
    ]


def _below(folder: NodeId, lens: Lens) -> tuple[str, list[Value]]:
    top, times = _moment("a", lens)
    step, _ = _moment("c", lens)
    text = (
        f"WITH RECURSIVE below (node) AS (SELECT a.node FROM entry a WHERE a.node = ? AND {top}"  # noqa: S608 - constants
        f" UNION ALL SELECT c.node FROM below b JOIN entry c ON c.parent = b.node AND {step}) "
    )
    return text, [folder, *times, *times]


def _moment(alias: str, lens: Lens) -> tuple[str, list[Value]]:
    if lens.at is None:
        return _PRESENT.format(alias), []
    return _PAST.format(alias), [lens.at, lens.at]


def _loosely(selection: Selection, lens: Lens, *, is_wanted: bool) -> tuple[str, list[Value]]:
    """Return a condition that holds wherever *selection* may, or, unless *is_wanted*, fails wherever it may fail."""
    match selection:
        case All(parts) | AnyOf(parts):
            texts, values = [], []
            for part in parts:
                text, needed = _loosely(part, lens, is_wanted=is_wanted)
                texts.append(f"({text})")
                values += needed
            joined = (" AND " if isinstance(selection, All) else " OR ").join(texts)
            return joined or _YES, values
        case Contrary(part):
            text, values = _loosely(part, lens, is_wanted=not is_wanted)
            return f"NOT ({text})", values
        case Path():
            return (_YES if is_wanted else _NO), []
        case _:
            return _term(selection, lens)


def _term(term: Term, lens: Lens) -> tuple[str, list[Value]]:
    """Return the condition that *term* is; it is never null, so that its contrary is what one expects."""
    match term:
        case Name(pattern):
            return "lower(e.name) LIKE ? ESCAPE '!'", [_like(pattern, has_wildcards=True)]
        case Words(text):
            return "lower(e.name) LIKE ? ESCAPE '!'", [f"%{_like(text)}%"]
        case Type(word):
            return _type(word)
        case Size(operator, size):
            return f"(e.version IS NOT NULL AND v.size {operator.value} ?)", [size]
        case Modified():
            return _modified(bounds(term, lens.now))
        case _:
            return _said(term, lens)


def _said(term: Path | Tagged | By | Owner | Is, lens: Lens) -> tuple[str, list[Value]]:
    match term:
        case Tagged():
            return _tagged(term, lens)
        case By(name):
            return "(e.version IS NOT NULL AND v.author = ?)", [lens.people.get(name, "")]
        case Owner(name):
            return (_YES if lens.people.get(name) == lens.owner else _NO), []
        case Is("pinned"):
            return "e.node IN (SELECT p.node FROM version_pin p)", []
        case Is():
            return "e.node IN (SELECT f.node FROM favourite f WHERE f.account = ?)", [lens.asker]
        case Path():
            raise LookupError("a path is not decided by the database")
        case _:
            assert_never(term)


def _type(word: str) -> tuple[str, list[Value]]:
    if word in {"file", "folder"}:
        return f"e.version IS {'NOT ' if word == 'file' else ''}NULL", []
    if word in _GROUPS:
        word += "/*"
    if "/" in word:
        kind = _like(word, has_wildcards=True)
        text = "(lower(v.media_type) LIKE ? ESCAPE '!' OR lower(v.media_type) LIKE ? ESCAPE '!')"
        return f"(e.version IS NOT NULL AND {text})", [kind, f"{kind};%"]
    return "(e.version IS NOT NULL AND lower(e.name) LIKE ? ESCAPE '!')", [f"%.{_like(word, has_wildcards=True)}"]


def _modified(span: Bounds) -> tuple[str, list[Value]]:
    texts, values = [], list[Value]()
    if span.start is not None:
        texts.append("e.modified_ns >= ?")
        values.append(span.start)
    if span.stop is not None:
        texts.append("e.modified_ns < ?")
        values.append(span.stop)
    return f"({' AND '.join(texts)})", values


def _tagged(term: Tagged, lens: Lens) -> tuple[str, list[Value]]:
    moment, times = _moment("t", lens)
    text, values = "", list[Value]()
    if term.operator is Operator.IS:
        text, values = " AND lower(t.value) = ?", [fold(term.value)]
    elif term.operator is not None:
        compared = read_value(term.value)
        if compared is None or compared.kind not in {ValueKind.NUMBER, ValueKind.DATE}:
            return _NO, []
        text, values = f" AND t.kind = ? AND t.number {term.operator.value} ?", [compared.kind.value, compared.number]
    # As a set, for the few that have a tag are found by it, and not one by one among all.
    condition = f"t.space = ? AND t.name = ? AND {moment}{text}"
    return (
        f"e.node IN (SELECT t.node FROM tag t WHERE {condition})",  # noqa: S608 - as above
        [lens.space, term.name, *times, *values],
    )


def _like(text: str, *, has_wildcards: bool = False) -> str:
    """Return *text* for LIKE, in small letters; ``*`` and ``?`` stand for any letters and one if it *has_wildcards*."""
    escaped = fold(text).replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return escaped.replace("*", "%").replace("?", "_") if has_wildcards else escaped


def _entry(row: Row) -> Entry:
    node, parent, name, modified_ns, from_seq, version, size, media_type, sha256 = row[:_COUNT]
    return Entry(
        NodeId(node), NodeId(parent), name, f"/{name}", modified_ns, from_seq, version, size, media_type, sha256
    )


def count_children(sql: Sql, parents: Sequence[NodeId]) -> dict[NodeId, int]:
    """Return how many entries are now in each of the folders *parents* that has any."""
    found: dict[NodeId, int] = {}
    for start in range(0, len(parents), _ASKED_AT_ONCE):
        part = parents[start : start + _ASKED_AT_ONCE]
        rows = sql.rows(
            f"SELECT parent, COUNT(*) FROM entry WHERE parent IN ({', '.join('?' * len(part))})"  # noqa: S608 - question marks only
            " AND to_seq IS NULL GROUP BY parent",
            part,
        )
        found.update((NodeId(parent), count) for parent, count in rows)
    return found


_ASKED_AT_ONCE = 400
