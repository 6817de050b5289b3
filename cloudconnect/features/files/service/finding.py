"""Finding files by what is known about them."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime

from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.models import Entry, Found
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.lineage import Lineage, Names
from cloudconnect.features.files.service.places import Place
from cloudconnect.features.files.store import finding, tags
from cloudconnect.kernel import selection
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor, to_moment
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.selection import All, AnyOf, By, Contrary, Owner, Path, Query, Selection, Term
from cloudconnect.ports.access import Action
from cloudconnect.ports.accounts import Accounts
from cloudconnect.ports.sql import Sql

_AT_ONCE = 512
_ME = "me"


class FindingService:
    """Finds what a selection selects below one folder; whoever may read that folder may read what is found."""

    def __init__(self, database: Database, guide: Guide, clock: Clock, accounts: Accounts) -> None:
        self._database = database
        self._guide = guide
        self._clock = clock
        self._accounts = accounts

    async def find(
        self,
        principal: Principal,
        space: str,
        where: str,
        *,
        path: str = "/",
        at: str | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Found]:
        """Return a page of what *where* selects below the folder at *path*, oldest first, with its tags.

        The pages after the first show the moment of the first, except in the trash, which has no past.

        Raises:
            BadSelection: *where* cannot be read.
            BadMoment: two moments are named, or one for the trash.
            NoSuchEntry: nothing is at *path*.
            NotAFolder: a file is.
        """
        query = rules.check_query(selection.read(where), at)
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)
        now, seq, after = self._cursor(cursor)

        def ask(sql: Sql) -> Page[Found]:
            place = self.seen(sql, principal, space_id, names, query, seq)
            found = self.select(sql, principal, place, query, now, after)
            page = [entry for _, entry in zip(range(limit + 1), found, strict=False)]
            shown = _with_tags(sql, page[:limit], place.at)
            if len(page) <= limit:
                return Page(shown)
            last = place.space.seq if place.at is None else place.at
            return Page(shown, encode_cursor(to_ms(now), last, page[limit - 1].node))

        return await self._database.read(ask)

    def seen(
        self, sql: Sql, principal: Principal, space_id: SpaceId, names: Names, query: Query, seq: int | None = None
    ) -> Place:
        """Return the folder to look below, as of when *query* says, or as of *seq*, where a listing began.

        Raises:
            NoSuchEntry, NotAFolder, Denied: as for any listing.
        """
        if query.is_in_trash:
            # The trash is of the whole space: what lies in it hangs on no folder.
            return self._guide.place(sql, principal, space_id, (), Action.READ)
        place = self._guide.seen(sql, principal, space_id, names, query.at, seq)
        place.require_folder()
        return place

    def select(
        self, sql: Sql, principal: Principal, place: Place, query: Query, now: datetime, after: str = ""
    ) -> Iterator[Entry]:
        """Yield what *query* selects at *place*, as :meth:`seen` returned it, by node, behind the node *after*."""
        lens, parts = self._lens(sql, principal, place, query, now), _parts_with_paths(query.where)
        lineage = Lineage(sql, place.space, place.at, is_in_trash=query.is_in_trash)
        folder = self._narrowest(sql, principal, place, query)
        if folder is None:
            return
        below = None if folder == place.space.root or query.is_in_trash else folder
        while True:
            if query.is_in_trash:
                found = finding.find_trashed(sql, query.where, lens, after, _AT_ONCE)
            else:
                found = finding.find_candidates(sql, query.where, lens, below, after, _AT_ONCE)
            lines = lineage.find([each.entry for each in found])
            for candidate, names in zip(found, lines, strict=True):
                if names is not None and _is_below(names, place.names) and _passes(parts, candidate, names):
                    yield dataclasses.replace(candidate.entry, path=rules.join_path(names))
            if len(found) < _AT_ONCE:
                return
            after = found[-1].entry.node

    def _cursor(self, cursor: str | None) -> tuple[datetime, int | None, str]:
        if cursor is None:
            return self._clock.now(), None, ""
        now_ms, seq, after = decode_cursor(cursor, int, int, str)
        return to_moment(now_ms), int(seq), str(after)

    def _narrowest(self, sql: Sql, principal: Principal, place: Place, query: Query) -> NodeId | None:
        """Return the folder below which everything lies that *query* can select, None if there is no such folder."""
        names = place.names
        parts = query.where.parts if isinstance(query.where, All) else (query.where,)
        for part in parts:
            if isinstance(part, Path):
                folder = selection.literal_folder(selection.split_path(part.pattern))
                names = max(names, folder, key=len)
        if names == place.names or query.is_in_trash:
            return place.line[-1].node
        if not _is_below(names, place.names):
            return None
        entry = self._guide.place(sql, principal, place.space.id, names, Action.READ, at=place.at).entry
        return None if entry is None else entry.node

    def _lens(self, sql: Sql, principal: Principal, place: Place, query: Query, now: datetime) -> finding.Lens:
        people = {_ME: principal.id}
        for term in selection.terms_of(query.where):
            if isinstance(term, By | Owner) and term.name not in people:
                holder = self._accounts.find_named(sql, term.name)
                if holder is not None:
                    people[term.name] = holder.id
        return finding.Lens(place.space.id, now, principal.id, people, place.space.owner, place.at)


def _parts_with_paths(where: Selection) -> list[Selection]:
    parts = where.parts if isinstance(where, All) else (where,)
    return [part for part in parts if any(isinstance(term, Path) for term in selection.terms_of(part))]


def _is_below(names: Names, folder: Names) -> bool:
    return len(names) > len(folder) and names[: len(folder)] == folder


def _passes(parts: list[Selection], candidate: finding.Candidate, names: Names) -> bool:
    """Tell whether *candidate*, whose path has these *names*, passes the *parts* that the database left open."""

    def holds(term: Term) -> bool:
        if isinstance(term, Path):
            return selection.is_match(selection.split_path(term.pattern), names)
        return candidate.holds[term]

    return all(_evaluate(part, holds) for part in parts)


def _evaluate(where: Selection, holds: Callable[[Term], bool]) -> bool:
    """Tell whether *where* holds, given which of its terms do."""
    match where:
        case All(parts):
            return all(_evaluate(part, holds) for part in parts)
        case AnyOf(parts):
            return any(_evaluate(part, holds) for part in parts)
        case Contrary(part):
            return not _evaluate(part, holds)
        case _:
            return holds(where)


def _with_tags(sql: Sql, entries: list[Entry], at: int | None) -> list[Found]:
    held = tags.find_tags(sql, [entry.node for entry in entries], at)
    return [Found(entry, tuple(held.get(entry.node, ()))) for entry in entries]
