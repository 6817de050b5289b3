"""What is known of files besides place and content: when they were modified, a further hash, whose favourites."""

import asyncio
import dataclasses

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import EntryTouched
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NotAFile
from cloudconnect.features.files.models import Change, Condition, Entry, Favourite, Version
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import find_path
from cloudconnect.features.files.store import particulars, spaces, tree
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Vault

_ANYTHING = Condition()


class ParticularsService:
    """Keeps what is said of one file at a time; spaces and paths are named as for ``FilesService``."""

    def __init__(self, log: EventLog, database: Database, guide: Guide, vault: Vault) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault

    async def touch(
        self, principal: Principal, space: str, path: str, modified_ns: int, condition: Condition = _ANYTHING
    ) -> Change:
        """Say that what is at *path* was modified at *modified_ns*, nanoseconds since 1970; its content is the same.

        Raises:
            NoSuchEntry: nothing is there.
            Stale: *condition* does not hold.
            RootStays: it is the root.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Change:
            entry = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE).require_entry()
            rules.check_condition(condition, entry, is_required=False)
            deeds.check_not_root(entry)
            if entry.modified_ns == modified_ns:
                return Change(entry, entry.from_seq)
            seq = deeds.seq_of(unit.record(EntryTouched(subject=entry.node, space=space_id)))
            touched = dataclasses.replace(entry, modified_ns=modified_ns, from_seq=seq)
            tree.close_entry(unit.sql, entry.node, seq)
            tree.add_entry(unit.sql, space_id, touched)
            return Change(touched, seq, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def find_blake3(self, principal: Principal, space: str, path: str, at: str | None = None) -> bytes:
        """Return the BLAKE3 of the file at *path*: it is read through once, and then kept with its content.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFile: a folder is.
            Damaged: what is stored is not what it was.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> tuple[Version, bytes | None]:
            entry = self._guide.seen(sql, principal, space_id, names, at).require_entry()
            if entry.version is None:
                raise NotAFile(N_("“{path}” is a folder."), fix=N_("Name a file in it."), path=entry.path)
            version = tree.get_version(sql, entry.node, entry.version)
            return version, particulars.find_blake3(sql, version)

        version, known = await self._database.read(ask)
        if known is not None:
            return known
        from blake3 import blake3  # noqa: PLC0415 - a compiled library that only who asks for it has to load

        hasher = blake3()
        async for piece in self._vault.read(space_id, version.manifest, 0, None):
            await asyncio.to_thread(hasher.update, piece)
        digest = hasher.digest()
        await self._log.commit(lambda unit: particulars.keep_blake3(unit.sql, version, digest), actor=principal)
        return digest

    async def add_favourite(self, principal: Principal, space: str, path: str) -> Entry:
        """Let what is at *path* be a favourite of the one who asks, and of nobody else; no fact tells of it.

        Raises:
            NoSuchEntry: nothing is there.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Entry:
            entry = self._guide.place(unit.sql, principal, space_id, names, Action.READ).require_entry()
            particulars.add_favourite(unit.sql, principal.id, space_id, entry.node, unit.now_ms)
            return entry

        return await self._log.commit(change, actor=principal)

    async def remove_favourite(self, principal: Principal, space: str, path: str) -> None:
        """Let what is at *path* be no favourite of the one who asks.

        Raises:
            NoSuchEntry: nothing is there.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> None:
            entry = self._guide.place(unit.sql, principal, space_id, names, Action.READ).require_entry()
            particulars.remove_favourite(unit.sql, principal.id, entry.node)

        await self._log.commit(change, actor=principal)

    async def find_favourites(self, principal: Principal, limit: int, cursor: str | None) -> Page[Favourite]:
        """Return a page of the favourites of the one who asks, in the spaces that they may see; none from the trash."""
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""

        def ask(sql: Sql) -> Page[Favourite]:
            horizon = sorted(self._guide.access.horizon(sql, principal))
            found = particulars.find_favourites(sql, principal.id, horizon, after, limit + 1)
            favourites = [each for each in (_favourite(sql, *one) for one in found[:limit]) if each is not None]
            return Page(favourites, encode_cursor(found[limit - 1][1]) if len(found) > limit else None)

        return await self._database.read(ask)


def _favourite(sql: Sql, space_id: SpaceId, node: NodeId) -> Favourite | None:
    space, entry = spaces.find_space(sql, space_id), tree.find_row(sql, space_id, node, None)
    path = None if space is None or entry is None else find_path(sql, space, node, None)
    return None if entry is None or path is None else Favourite(space_id, dataclasses.replace(entry, path=path))
