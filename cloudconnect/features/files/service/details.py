"""Looking at entries with what stands beside them: properties, locks, and the last change below a folder."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.models import Detail, Entry, Lock, Space
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.locks import with_path
from cloudconnect.features.files.service.places import Place
from cloudconnect.features.files.store import locks, properties, states, tree
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.access import Action, Verdict
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which details are looked up; those that are not are empty."""

    properties: bool = True
    locks: bool = True
    writable: bool = False


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Sight:
    """What is at a path: its space, its details, or None where nothing is."""

    space: Space
    detail: Detail | None
    locks: Sequence[Lock]
    """Those that cover it, or whatever would be made there."""


class DetailsService:
    """Looks at entries; raises what ``FilesService`` raises for what cannot be seen."""

    def __init__(self, database: Database, guide: Guide, clock: Clock) -> None:
        self._database = database
        self._guide = guide
        self._clock = clock

    async def look(self, principal: Principal, space: str, path: str, wanted: Wanted = EVERYTHING) -> Sight:
        """Return what is at *path*, also when nothing is: then with the locks of the last folder on the way."""
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> Sight:
            place = self._guide.seen(sql, principal, space_id, names, None)
            covering = self._covering(sql, place, wanted)
            if place.entry is None:
                return Sight(place.space, None, covering)
            return Sight(place.space, self._details(sql, [place.entry], covering, wanted)[0], covering)

        return await self._database.read(ask)

    async def get_detail(
        self, principal: Principal, space: str, path: str, wanted: Wanted = EVERYTHING
    ) -> tuple[Space, Detail]:
        """Return what is at *path* and the space that it is in.

        Raises:
            NoSuchEntry: nothing is.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> tuple[Space, Detail]:
            place = self._guide.seen(sql, principal, space_id, names, None)
            entry = place.require_entry()
            covering = self._covering(sql, place, wanted)
            is_writable = self._is_writable(sql, principal, place, wanted)
            return place.space, self._details(sql, [entry], covering, wanted, is_writable=is_writable)[0]

        return await self._database.read(ask)

    async def find_children(
        self,
        principal: Principal,
        space: str,
        path: str,
        wanted: Wanted = EVERYTHING,
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Detail]:
        """Return a page of the folder at *path* by name; the entries of all pages are those of the first's moment.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFolder: a file is.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)
        seq, after = decode_cursor(cursor, int, str) if cursor else (None, "")

        def ask(sql: Sql) -> Page[Detail]:
            place = self._guide.seen(sql, principal, space_id, names, None, None if seq is None else int(seq))
            found = tree.find_children(sql, place.require_folder(), place.at, str(after), limit + 1)
            above = [lock for lock in self._covering(sql, place, wanted) if lock.is_deep]
            is_writable = self._is_writable(sql, principal, place, wanted)
            shown = self._details(sql, found[:limit], above, wanted, is_writable=is_writable)
            if len(found) <= limit:
                return Page(shown)
            return Page(shown, encode_cursor(place.space.seq if place.at is None else place.at, found[limit - 1].name))

        return await self._database.read(ask)

    @property
    def _now_ms(self) -> int:
        return to_ms(self._clock.now())

    def _covering(self, sql: Sql, place: Place, wanted: Wanted) -> list[Lock]:
        found = locks.find_covering(sql, place.resource.line, self._now_ms) if wanted.locks else []
        return [with_path(lock, place) for lock in found]

    def _is_writable(self, sql: Sql, principal: Principal, place: Place, wanted: Wanted) -> bool:
        if not wanted.writable:
            return False
        return self._guide.access.decide(sql, principal, Action.WRITE, place.resource).verdict is Verdict.ALLOW

    def _details(
        self,
        sql: Sql,
        entries: Sequence[Entry],
        above: Sequence[Lock],
        wanted: Wanted,
        *,
        is_writable: bool = False,
    ) -> list[Detail]:
        """Return the details of *entries*; *above* are locks that cover them all, or lie on the only one."""
        nodes = [entry.node for entry in entries]
        kept = properties.find(sql, nodes) if wanted.properties else {}
        seqs = states.find_states(sql, [entry.node for entry in entries if entry.is_folder])
        own: dict[NodeId, list[Lock]] = {}
        known = {lock.id for lock in above}
        paths = {entry.node: entry.path for entry in entries}
        for lock in locks.find_on(sql, nodes, self._now_ms) if wanted.locks else ():
            if lock.id not in known:
                own.setdefault(lock.node, []).append(dataclasses.replace(lock, path=paths[lock.node]))
        return [
            Detail(
                entry,
                max(entry.from_seq, seqs.get(entry.node, 0)),
                kept.get(entry.node, {}),
                (*above, *own.get(entry.node, ())),
                is_writable,
            )
            for entry in entries
        ]
