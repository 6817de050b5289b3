"""Putting files in, finding them, getting them back, and changing where they are."""

import dataclasses
from collections.abc import AsyncIterator, Sequence

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import EntryMoved
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import IntoItself, NoSuchEntry, NotAFile
from cloudconnect.features.files.models import (
    Change,
    Condition,
    Entry,
    Listing,
    OpenFile,
    OpenFiles,
    Put,
    TrashChange,
    Trashed,
    Usage,
    Version,
)
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.charging import check_quota
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.listing import page_of_children, page_of_descendants, parse_cursor
from cloudconnect.features.files.service.reading import Finder, Reading
from cloudconnect.features.files.service.trashing import bring_back, former_names, page_of_trash, require_trashed
from cloudconnect.features.files.service.trust import Trust
from cloudconnect.features.files.store import spaces, tree
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.paging import Page
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action, Resource
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Content, Vault

_ANYTHING = Condition()


class FilesService:
    """Everything that is done to files and folders; spaces are named by id or as ``personal``, paths from their root.

    Every verb decides permission in the transaction that does the deed and raises NotFound for what the asker may not
    see, Denied for what it may see but not do, and BadPath for a path that no space can hold.
    """

    def __init__(self, log: EventLog, database: Database, guide: Guide, vault: Vault) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault
        self._trust = Trust()

    # Looking

    async def get_entry(self, principal: Principal, space: str, path: str, at: str | None = None) -> Entry:
        """Return what is at *path*, now or at the moment *at*.

        Raises:
            NoSuchEntry: nothing is.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)
        return await self._database.look(
            lambda sql: self._guide.seen(sql, principal, space_id, names, at).require_entry()
        )

    async def find_children(
        self,
        principal: Principal,
        space: str,
        path: str,
        *,
        at: str | None = None,
        limit: int,
        cursor: str | None = None,
        listing: Listing = Listing.BY_NAME,
    ) -> Page[Entry]:
        """Return a page of the folder at *path*.

        The pages after the first show the folder as it was for the first one, so that walking them while others write
        shows nothing twice and leaves nothing out.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFolder: a file is.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)
        seq, after = parse_cursor(cursor)

        def ask(sql: Sql) -> Page[Entry]:
            return page_of_children(
                sql, self._guide.seen(sql, principal, space_id, names, at, seq), after, limit, listing
            )

        return await self._database.read(ask)

    async def find_descendants(
        self,
        principal: Principal,
        space: str,
        path: str,
        *,
        at: str | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """Return a page of everything below the folder at *path*, depth first, each folder before what it holds.

        Like ``find_children`` it shows one moment over all its pages.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFolder: a file is.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)
        seq, after = parse_cursor(cursor)

        def ask(sql: Sql) -> Page[Entry]:
            return page_of_descendants(sql, self._guide.seen(sql, principal, space_id, names, at, seq), after, limit)

        return await self._database.read(ask)

    async def measure(self, principal: Principal, space: str, path: str, at: str | None = None) -> Usage:
        """Return how much lies below *path*; a file counts itself.

        Raises:
            NoSuchEntry: nothing is there.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> Usage:
            place = self._guide.seen(sql, principal, space_id, names, at)
            entry = place.require_entry()
            if entry.size is not None:
                return Usage(entry.path, 1, 0, entry.size)
            return Usage(entry.path, *tree.measure(sql, entry.node, place.at))

        return await self._database.read(ask)

    async def open_file(self, principal: Principal, space: str, path: str, at: str | None = None) -> OpenFile:
        """Return the file at *path*, ready to be read.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFile: a folder is.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> tuple[Entry, Version]:
            entry = self._guide.seen(sql, principal, space_id, names, at).require_entry()
            if entry.version is None:
                raise NotAFile(N_("“{path}” is a folder."), fix=N_("Name a file in it."), path=entry.path)
            return entry, tree.get_version(sql, entry.node, entry.version)

        entry, version = await self._database.look(ask)

        def read(start: int, stop: int | None) -> AsyncIterator[bytes]:
            return self._vault.read(space_id, version.manifest, start, stop)

        return OpenFile(entry, read)

    async def open_files(
        self, principal: Principal, space: str, nodes: Sequence[NodeId], at: str | None = None
    ) -> OpenFiles:
        """Return the small files *nodes*, as they are now or were at the moment *at*, ready to be read together.

        Each is decided, and refused, by itself.
        """
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> Reading:
            found = spaces.find_space(sql, space_id)
            if found is None:
                self._guide.access.require(sql, principal, Action.READ, Resource(space_id, ()))
                raise NoSuchEntry(N_("There is no such space."))
            return Finder(sql, self._guide.access, principal, found, self._guide.seq(sql, space_id, at)).find(nodes)

        reading = await self._database.read(ask)
        places = list(reading.manifests)

        async def read() -> AsyncIterator[list[tuple[int, bytes | CloudConnectError]]]:
            async for portion in self._vault.read_many(space_id, list(reading.manifests.values())):
                yield [(places[number], outcome) for number, outcome in portion]

        return OpenFiles(reading.outcomes, read)

    # Changing

    async def put_file(
        self,
        principal: Principal,
        space: str,
        path: str,
        stream: AsyncIterator[bytes],
        *,
        modified_ns: int | None = None,
        media_type: str | None = None,
        condition: Condition = _ANYTHING,
        parents: bool = False,
        expected_bytes: int | None = None,
    ) -> Put:
        """Store *stream* as the file at *path*: a new one, or another version of the one that is there.

        Permission, parents, the condition and, where *expected_bytes* are known, the quota are looked at before the
        first byte is taken and decided again when the last one is durable; the first look is spared whoever has just
        written another small file into the same folder. Readers see the old content or the new, never a part.

        Raises:
            ConditionMissing: a file is there and *condition* does not say which version is meant.
            Stale: *condition* does not hold.
            NotAFile: a folder is there.
            NoParent: the folder does not exist and *parents* is false.
            QuotaExceeded: the space may not hold as much.
            NoSpace: the disk is full.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def check(sql: Sql) -> None:
            place = self._guide.place_to_put(sql, principal, space_id, names, condition, parents)
            more = (expected_bytes or 0) - ((place.entry and place.entry.size) or 0)
            check_quota(sql, place.space, more, self._guide.now_ms)

        if not self._trust.has(principal, space_id, names, expected_bytes):
            await self._database.look(check)
        taken = await self._vault.take(space_id, stream)

        def change(unit: Unit, content: Content) -> Put:
            place = self._guide.place_to_put(unit.sql, principal, space_id, names, condition, parents)
            self._vault.settle(unit.sql, space_id, content)
            entry = deeds.write_entry(unit, place, content, modified_ns, media_type)
            undo = deeds.undo_of(unit, space_id)
            return Put(entry, place.entry is None, entry.from_seq, content.stored_bytes, content.reused_bytes, undo)

        try:
            put = await self._log.commit_after(taken, change, actor=principal)
        except BaseException:
            self._trust.lose(principal, space_id, names)
            raise
        self._trust.gain(principal, space_id, names)
        return put

    async def add_folder(
        self, principal: Principal, space: str, path: str, *, parents: bool = False, modified_ns: int | None = None
    ) -> Change:
        """Make a folder at *path* and, if *parents*, those above it that are missing.

        Raises:
            Exists: something is there already.
            NoParent: the folder above does not exist and *parents* is false.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Change:
            place = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE)
            rules.check_vacant(place.entry)
            place.require_parent(may_be_made=parents)
            folder = deeds.add_folders(unit, place, len(names), modified_ns)
            return Change(folder, folder.from_seq, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def move(
        self,
        principal: Principal,
        space: str,
        source: str,
        target: str,
        *,
        replace: bool = False,
        condition: Condition = _ANYTHING,
    ) -> Change:
        """Give what is at *source* the path *target*: one row changes, however much lies below.

        With *replace*, what is at *target* goes to the trash first.

        Raises:
            NoSuchEntry: nothing is at *source*.
            Exists: something is at *target* and *replace* is false.
            IntoItself: *target* lies below *source*.
            NoParent: the folder of *target* does not exist.
            Stale: *condition* does not hold for what is at *source*.
        """
        from_names, to_names = rules.parse_path(source), rules.parse_path(target)
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Change:
            moved = self._guide.place(unit.sql, principal, space_id, from_names, Action.WRITE).require_entry()
            rules.check_condition(condition, moved, is_required=False)
            place = self._guide.place(unit.sql, principal, space_id, to_names, Action.WRITE)
            deeds.check_not_root(moved)
            if place.entry is not None and place.entry.node == moved.node:
                return Change(moved, moved.from_seq)
            if moved.node in place.resource.line:
                raise IntoItself(N_("“{target}” lies below “{source}”."), target=place.path, source=moved.path)
            deeds.clear_target(unit, place, replace=replace)
            recorded = unit.record(EntryMoved(subject=moved.node, space=space_id))
            planted = deeds.replant(unit, moved, place, deeds.seq_of(recorded))
            return dataclasses.replace(planted, undo=deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def copy(
        self,
        principal: Principal,
        space: str,
        source: str,
        target: str,
        *,
        at: str | None = None,
        replace: bool = False,
        is_shallow: bool = False,
    ) -> Change:
        """Copy what was at *source* at the moment *at* to *target*, with all below it, by reference: no content moves.

        A shallow copy of a folder leaves out what is below it.

        Raises:
            NoSuchEntry: nothing is, or was, at *source*.
            Exists: something is at *target* and *replace* is false.
            IntoItself: *target* lies below *source*.
            NoParent: the folder of *target* does not exist.
        """
        from_names, to_names = rules.parse_path(source), rules.parse_path(target)
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Change:
            seen = self._guide.seen(unit.sql, principal, space_id, from_names, at)
            original = seen.require_entry()
            place = self._guide.place(unit.sql, principal, space_id, to_names, Action.WRITE)
            if original.node in place.resource.line:
                raise IntoItself(N_("“{target}” lies below “{source}”."), target=place.path, source=original.path)
            deeds.clear_target(unit, place, replace=replace)
            planted = deeds.copy_tree(unit, seen, original, place, is_shallow=is_shallow)
            return dataclasses.replace(planted, undo=deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def trash(self, principal: Principal, space: str, path: str, condition: Condition = _ANYTHING) -> TrashChange:
        """Put what is at *path* into the trash, with all below it; ``restore`` brings it back.

        Raises:
            NoSuchEntry: nothing is there.
            ConditionMissing: *condition* does not say which state is meant.
            Stale: *condition* does not hold.
            RootStays: it is the root.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> TrashChange:
            place = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE)
            entry = place.require_entry()
            rules.check_condition(condition, entry, is_required=True)
            trashed = deeds.trash_entry(unit, place.space, entry)
            return TrashChange(trashed, trashed.seq, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    # The trash

    async def find_trash(self, principal: Principal, space: str, limit: int, cursor: str | None) -> Page[Trashed]:
        """Return a page of what is in the trash of a space, last removed first."""
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> Page[Trashed]:
            return page_of_trash(sql, self._guide.place(sql, principal, space_id, (), Action.READ).space, limit, cursor)

        return await self._database.read(ask)

    async def restore(self, principal: Principal, space: str, node: str, target: str | None = None) -> Change:
        """Bring a thing back from the trash, with all that was below it, to where it was or to *target*.

        Raises:
            NotInTrash: it is not in the trash of this space.
            NoParent: the folder it was in is gone.
            Exists: something else is there by now.
        """
        space_id = await self._guide.space_id(principal, space)
        wanted = None if target is None else rules.parse_path(target)

        def change(unit: Unit) -> Change:
            root = self._guide.place(unit.sql, principal, space_id, (), Action.WRITE)
            trashed = require_trashed(unit.sql, space_id, NodeId(node))
            names = wanted if wanted is not None else former_names(unit.sql, root.space, trashed)
            place = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE)
            planted = bring_back(unit, trashed, place)
            return dataclasses.replace(planted, undo=deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)
