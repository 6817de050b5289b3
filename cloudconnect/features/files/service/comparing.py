"""Telling how a space differs between two moments, from what changed between them and not from two full walks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NoSuchEntry
from cloudconnect.features.files.models import EntryKind, Space
from cloudconnect.features.files.moments import Difference, DifferenceSummary, Differing
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.store import history, tree
from cloudconnect.features.files.store.history import Past, PastRow
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql

_CHANGES_AT_ONCE = 1_000
_After = tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Span:
    """Two moments of a space, which of them is meant to come first, and the folder that is compared."""

    space: Space
    early: int
    late: int
    is_backward: bool
    path: str


class ComparingService:
    """Compares moments. What lies outside the folder that is asked about is told no more of than that it is outside."""

    def __init__(self, database: Database, guide: Guide) -> None:
        self._database = database
        self._guide = guide

    async def find_differences(
        self,
        principal: Principal,
        space: str,
        first: str | None,
        second: str | None,
        path: str = "/",
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Differing]:
        """Return a page of what differs at *path* between two moments, None for now, in the order of the changes.

        All pages compare the moments of the first.

        Raises:
            NoSuchEntry: nothing was at *path* at either moment.
            BadMoment: *first* or *second* is none.
        """
        space_id = await self._guide.space_id(principal, space)
        seqs: list[int | None] = [None, None]
        after: _After = (0, "")
        if cursor is not None:
            one, other, seq, node = decode_cursor(cursor, int, int, int, str)
            seqs, after = [int(one), int(other)], (int(seq), str(node))

        def ask(sql: Sql) -> Page[Differing]:
            meant = [
                self._guide.seq(sql, space_id, at) if seq is None else seq
                for at, seq in zip((first, second), seqs, strict=True)
            ]
            span = self._span(sql, principal, space_id, rules.parse_path(path), meant)
            found: list[Differing] = []
            passed = after
            for differing, last in _differences(sql, span, after):
                if len(found) == limit:
                    one, other = (span.late, span.early) if span.is_backward else (span.early, span.late)
                    return Page(found, encode_cursor(one, other, *passed))
                found.append(differing)
                passed = last
            return Page(found)

        return await self._database.read(ask)

    async def summarise(
        self, principal: Principal, space: str, first: str | None, second: str | None, path: str = "/"
    ) -> DifferenceSummary:
        """Return how much differs at *path* between two moments, None for now.

        Raises:
            NoSuchEntry, BadMoment: as for ``find_differences``.
        """
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> DifferenceSummary:
            meant = [self._guide.seq(sql, space_id, at) for at in (first, second)]
            span = self._span(sql, principal, space_id, rules.parse_path(path), meant)
            summary = DifferenceSummary()
            for differing, _ in _differences(sql, span, (0, "")):
                summary.counts[differing.how] += 1
                summary.bytes_more += (differing.size_after or 0) - (differing.size_before or 0)
            return summary

        return await self._database.read(ask)

    def _span(
        self, sql: Sql, principal: Principal, space_id: SpaceId, names: tuple[str, ...], seqs: list[int | None]
    ) -> _Span:
        """Return what is compared, if *principal* may read *names* at both moments and something was there once."""
        places = [self._guide.place(sql, principal, space_id, names, Action.READ, at=seq) for seq in seqs]
        if all(place.entry is None for place in places):
            raise NoSuchEntry(
                N_("There was nothing at “{path}” at either moment."), path=places[0].path, fix=N_("Check the path.")
            )
        space = places[0].space
        first, second = (space.seq if seq is None else min(seq, space.seq) for seq in seqs)
        return _Span(space, min(first, second), max(first, second), first > second, places[0].path)


class _Paths:
    """The paths of nodes as of one seq, each folder looked up once."""

    def __init__(self, sql: Sql, space: Space, at: int) -> None:
        self._sql = sql
        self._space = space
        self._at = at
        self._known: dict[NodeId, tuple[NodeId | None, str] | None] = {}

    def load(self, nodes: Iterable[NodeId]) -> None:
        """Look up *nodes* and all folders above them."""
        waiting = set(nodes) - self._known.keys()
        while waiting:
            rows = tree.find_rows(self._sql, self._space.id, sorted(waiting), self._at)
            self._known.update(dict.fromkeys(waiting))
            self._known.update((node, (row.parent, row.name)) for node, row in rows.items())
            waiting = {row.parent for row in rows.values() if row.parent is not None} - self._known.keys()

    def path(self, node: NodeId) -> str | None:
        """Return the path of *node*, None where it did not hang on the root."""
        names: list[str] = []
        current: NodeId | None = node
        while current != self._space.root:
            known = None if current is None else self._known.get(current)
            if known is None:
                return None
            current = known[0]
            names.append(known[1])
        return rules.join_path(tuple(reversed(names)))


def _differences(sql: Sql, span: _Span, after: _After) -> Iterator[tuple[Differing, _After]]:
    """Yield what differs, each with the place in the log behind which to go on."""
    early, late = _Paths(sql, span.space, span.early), _Paths(sql, span.space, span.late)
    while True:
        changes = history.find_changed(sql, span.space.id, span.early + 1, span.late, after, _CHANGES_AT_ONCE)
        nodes = sorted({node for _, node in changes})
        pasts = history.find_pasts(sql, span.space.id, nodes, span.early)
        early.load(nodes)
        late.load(nodes)
        for seq, node in changes:
            if seq != _first_change(pasts[node], span.early):
                continue
            differing = _compare(pasts[node], span, early, late)
            if differing is not None:
                yield differing, (seq, node)
        if len(changes) < _CHANGES_AT_ONCE:
            return
        after = changes[-1]


def _first_change(past: Past, early: int) -> int:
    return min(seq for row in past.rows for seq in (row.from_seq, row.to_seq) if seq is not None and seq > early)


def _compare(past: Past, span: _Span, early: _Paths, late: _Paths) -> Differing | None:
    rows = [_row_at(past, span.early), _row_at(past, span.late)]
    paths = [_within(span.path, early.path(past.node)), _within(span.path, late.path(past.node))]
    if span.is_backward:
        rows.reverse()
        paths.reverse()
    before, after = (row if path is not None else None for row, path in zip(rows, paths, strict=True))
    if before is not None and after is not None:
        if (before.parent, before.name) != (after.parent, after.name):
            how = Difference.MOVED
        elif before.state != after.state:
            how = Difference.MODIFIED
        else:
            return None
    elif before is None and after is None:
        return None
    else:
        how = Difference.ADDED if before is None else Difference.REMOVED
    kind = EntryKind.FOLDER if past.rows[-1].version is None else EntryKind.FILE
    return Differing(
        node=past.node,
        how=how,
        kind=kind,
        before=paths[0],
        after=paths[1],
        size_before=None if before is None else before.size,
        size_after=None if after is None else after.size,
    )


def _row_at(past: Past, seq: int) -> PastRow | None:
    for row in past.rows:
        if row.from_seq <= seq and (row.to_seq is None or row.to_seq > seq):
            return row
    return None


def _within(folder: str, path: str | None) -> str | None:
    """Return *path* if it is *folder* or lies in it."""
    if path is None or folder in {"/", path} or path.startswith(f"{folder}/"):
        return path
    return None
