"""Putting files in, finding them, getting them back, and changing where they are."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import (
    EntryMoved,
    EntryRestored,
    SpaceAdded,
)
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import (
    Exists,
    IntoItself,
    NoParent,
    NoSuchEntry,
    NotAFile,
    NotInTrash,
)
from cloudconnect.features.files.models import (
    Batch,
    Change,
    Condition,
    Entry,
    NewItem,
    OpenFile,
    OpenFiles,
    Put,
    Space,
    SpaceKind,
    TrashChange,
    Trashed,
    Usage,
    Version,
)
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.batch import Incoming
from cloudconnect.features.files.service.charging import check_quota
from cloudconnect.features.files.service.places import Place, find_path, find_place, walk
from cloudconnect.features.files.service.reading import Finder, Reading
from cloudconnect.features.files.store import spaces, trash, tree
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId, SpaceId, UserId, new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access, Action, Resource, Role
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Cutting, Vault

PERSONAL = "personal"
"""Stands for the asker's own space wherever a space is named."""

_ANYTHING = Condition()
_NEVER = 1 << 62


class FilesService:
    """Everything that is done to files and folders; spaces are named by id or as ``personal``, paths from their root.

    Every verb decides permission in the transaction that does the deed and raises NotFound for what the asker may not
    see, Denied for what it may see but not do, and BadPath for a path that no space can hold.
    """

    def __init__(self, log: EventLog, database: Database, clock: Clock, access: Access, vault: Vault) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._access = access
        self._vault = vault
        self._personal: dict[str, SpaceId] = {}

    # Spaces

    async def find_spaces(self, principal: Principal, limit: int, cursor: str | None) -> Page[Space]:
        """Return a page of the spaces that *principal* may see, oldest first."""
        await self._space_id(principal, PERSONAL)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""

        def ask(sql: Sql) -> list[Space]:
            seen = sorted(space for space in self._access.horizon(sql, principal) if space > after)[: limit + 1]
            return [space for space in (spaces.find_space(sql, identifier) for identifier in seen) if space]

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def get_space(self, principal: Principal, space: str) -> Space:
        """Return one space."""
        space_id = await self._space_id(principal, space)
        return await self._database.read(
            lambda sql: self._place(sql, principal, space_id, (), Action.READ, at=None).space
        )

    def forget_space(self, space: SpaceId) -> None:
        """Remember no longer whose personal space *space* is; whoever it was gets another one when it is needed."""
        self._personal = {owner: held for owner, held in self._personal.items() if held != space}

    # Looking

    async def get_entry(self, principal: Principal, space: str, path: str, at: str | None = None) -> Entry:
        """Return what is at *path*, now or at the moment *at*.

        Raises:
            NoSuchEntry: nothing is.
        """
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)
        return await self._database.read(lambda sql: self._seen(sql, principal, space_id, names, at).require_entry())

    async def find_children(
        self,
        principal: Principal,
        space: str,
        path: str,
        *,
        at: str | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """Return a page of the folder at *path* by name.

        The pages after the first show the folder as it was for the first one, so that walking them while others write
        shows nothing twice and leaves nothing out.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFolder: a file is.
        """
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)
        seq, after = _listing_cursor(cursor)

        def ask(sql: Sql) -> Page[Entry]:
            place = self._seen(sql, principal, space_id, names, at, seq)
            found = tree.find_children(sql, place.require_folder(), place.at, after, limit + 1)
            return _page(place, found, limit, lambda entry: entry.name)

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
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)
        seq, after = _listing_cursor(cursor)
        seen = tuple(after.split("/")) if after else ()

        def ask(sql: Sql) -> Page[Entry]:
            place = self._seen(sql, principal, space_id, names, at, seq)
            folder = place.require_folder()
            prefix = len(folder.path.rstrip("/")) + 1
            found = [entry for _, entry in zip(range(limit + 1), walk(sql, folder, place.at, seen), strict=False)]
            return _page(place, found, limit, lambda entry: entry.path[prefix:])

        return await self._database.read(ask)

    async def measure(self, principal: Principal, space: str, path: str, at: str | None = None) -> Usage:
        """Return how much lies below *path*; a file counts itself.

        Raises:
            NoSuchEntry: nothing is there.
        """
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)

        def ask(sql: Sql) -> Usage:
            place = self._seen(sql, principal, space_id, names, at)
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
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)

        def ask(sql: Sql) -> tuple[Entry, Version]:
            entry = self._seen(sql, principal, space_id, names, at).require_entry()
            if entry.version is None:
                raise NotAFile(N_("“{path}” is a folder."), fix=N_("Name a file in it."), path=entry.path)
            return entry, tree.get_version(sql, entry.node, entry.version)

        entry, version = await self._database.read(ask)

        def read(start: int, stop: int | None) -> AsyncIterator[bytes]:
            return self._vault.read(space_id, version.manifest, start, stop)

        return OpenFile(entry, read)

    async def open_files(
        self, principal: Principal, space: str, nodes: Sequence[NodeId], at: str | None = None
    ) -> OpenFiles:
        """Return the small files *nodes*, as they are now or were at the moment *at*, ready to be read together.

        Each is decided, and refused, by itself.
        """
        space_id = await self._space_id(principal, space)

        def ask(sql: Sql) -> Reading:
            found = spaces.find_space(sql, space_id)
            if found is None:
                self._access.require(sql, principal, Action.READ, Resource(space_id, ()))
                raise NoSuchEntry(N_("There is no such space."))
            return Finder(sql, self._access, principal, found, self._seq(sql, space_id, at)).find(nodes)

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
        first byte is taken and decided again when the last one is durable. Readers see the old content or the new,
        never a part.

        Raises:
            ConditionMissing: a file is there and *condition* does not say which version is meant.
            Stale: *condition* does not hold.
            NotAFile: a folder is there.
            NoParent: the folder does not exist and *parents* is false.
            QuotaExceeded: the space may not hold as much.
            NoSpace: the disk is full.
        """
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)

        def check(sql: Sql) -> None:
            place = self._check_put(sql, principal, space_id, names, condition, parents)
            check_quota(place.space, (expected_bytes or 0) - ((place.entry and place.entry.size) or 0))

        await self._database.read(check)
        content = await self._vault.write(space_id, stream)

        def change(unit: Unit) -> Put:
            place = self._check_put(unit.sql, principal, space_id, names, condition, parents)
            self._vault.settle(unit.sql, space_id, content)
            entry = deeds.write_entry(unit, place, content, modified_ns, media_type)
            return Put(entry, place.entry is None, entry.from_seq, content.stored_bytes, content.reused_bytes)

        return await self._log.commit(change, actor=principal)

    async def put_many(self, principal: Principal, space: str, items: Sequence[NewItem]) -> Batch:
        """Store many small files and folders in one unit; missing folders on the way are made.

        Each is decided, and refused, by itself; what was not refused is there when this returns, all at one moment.

        Raises:
            NoSpace: the disk is full.
        """
        space_id = await self._space_id(principal, space)
        incoming = Incoming(items)

        def find_folder(sql: Sql, names: tuple[str, ...]) -> Place:
            place = self._place(sql, principal, space_id, names, Action.WRITE)
            if place.entry is not None:
                place.require_folder()
            elif names:
                place.require_parent(may_be_made=True)
            return place

        await self._database.read(lambda sql: incoming.check(sql, find_folder))
        files = [index for index in incoming.open if items[index].raw is not None]
        stored = await self._vault.write_many(space_id, [items[index].raw or b"" for index in files])
        contents = dict(zip(files, stored.contents, strict=True))

        def change(unit: Unit) -> Batch:
            self._vault.settle(unit.sql, space_id, stored)
            outcomes = incoming.write(unit, find_folder, contents)
            return Batch(outcomes, stored.stored_bytes, stored.reused_bytes)

        return await self._log.commit(change, actor=principal)

    async def get_cutting(self, principal: Principal, space: str) -> Cutting:
        """Return what a client needs to find out by itself which parts of a file the space holds already.

        Only for those who may read and write the whole space: it lets its holder tell whether content is there.
        """
        space_id = await self._negotiable(principal, space)
        return await self._vault.cutting(space_id)

    async def find_missing(self, principal: Principal, space: str, content_ids: Sequence[bytes]) -> list[int]:
        """Return the places in *content_ids* of the chunks that the space does not hold."""
        await self._negotiable(principal, space)
        return await self._vault.find_missing(content_ids)

    async def add_chunks(self, principal: Principal, space: str, raws: Sequence[bytes | memoryview]) -> int:
        """Store chunks for a file that is on its way; return how many bytes that took.

        They stay for as long as gc leaves alone what nothing needs: an hour at least.
        """
        space_id = await self._negotiable(principal, space)
        content = await self._vault.write_chunks(space_id, raws)
        await self._log.commit(lambda unit: self._vault.settle(unit.sql, space_id, content), actor=principal)
        return content.stored_bytes

    async def put_assembled(
        self,
        principal: Principal,
        space: str,
        path: str,
        chunks: Sequence[tuple[bytes, int]],
        *,
        modified_ns: int | None = None,
        condition: Condition = _ANYTHING,
        parents: bool = False,
    ) -> Put:
        """Make a file, or another version of one, of *chunks* that are there, each given by content id and size.

        Raises:
            Conflict: a chunk is not there.
            ConditionMissing, Stale, NotAFile, NoParent: as for ``put_file``.
        """
        names, space_id = rules.parse_path(path), await self._negotiable(principal, space)
        await self._database.read(lambda sql: self._check_put(sql, principal, space_id, names, condition, parents))
        content = await self._vault.assemble(space_id, chunks)

        def change(unit: Unit) -> Put:
            place = self._check_put(unit.sql, principal, space_id, names, condition, parents)
            self._vault.settle(unit.sql, space_id, content)
            entry = deeds.write_entry(unit, place, content, modified_ns, None)
            return Put(entry, place.entry is None, entry.from_seq, content.stored_bytes, content.reused_bytes)

        return await self._log.commit(change, actor=principal)

    async def _negotiable(self, principal: Principal, space: str) -> SpaceId:
        """Return the space if *principal* may read and write all of it."""
        space_id = await self._space_id(principal, space)

        def check(sql: Sql) -> None:
            self._place(sql, principal, space_id, (), Action.READ)
            self._place(sql, principal, space_id, (), Action.WRITE)

        await self._database.read(check)
        return space_id

    async def add_folder(
        self, principal: Principal, space: str, path: str, *, parents: bool = False, modified_ns: int | None = None
    ) -> Change:
        """Make a folder at *path* and, if *parents*, those above it that are missing.

        Raises:
            Exists: something is there already.
            NoParent: the folder above does not exist and *parents* is false.
        """
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)

        def change(unit: Unit) -> Change:
            place = self._place(unit.sql, principal, space_id, names, Action.WRITE)
            rules.check_vacant(place.entry)
            place.require_parent(may_be_made=parents)
            folder = deeds.add_folders(unit, place, len(names), modified_ns)
            return Change(folder, folder.from_seq)

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
        space_id = await self._space_id(principal, space)

        def change(unit: Unit) -> Change:
            moved = self._place(unit.sql, principal, space_id, from_names, Action.WRITE).require_entry()
            rules.check_condition(condition, moved, is_required=False)
            place = self._place(unit.sql, principal, space_id, to_names, Action.WRITE)
            deeds.check_not_root(moved)
            if place.entry is not None and place.entry.node == moved.node:
                return Change(moved, moved.from_seq)
            if moved.node in place.resource.line:
                raise IntoItself(N_("“{target}” lies below “{source}”."), target=place.path, source=moved.path)
            deeds.clear_target(unit, place, replace=replace)
            recorded = unit.record(EntryMoved(subject=moved.node, space=space_id))
            return deeds.replant(unit, moved, place, deeds.seq_of(recorded))

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
    ) -> Change:
        """Copy what was at *source* at the moment *at* to *target*, with all below it, by reference: no content moves.

        Raises:
            NoSuchEntry: nothing is, or was, at *source*.
            Exists: something is at *target* and *replace* is false.
            IntoItself: *target* lies below *source*.
            NoParent: the folder of *target* does not exist.
        """
        from_names, to_names = rules.parse_path(source), rules.parse_path(target)
        space_id = await self._space_id(principal, space)

        def change(unit: Unit) -> Change:
            seen = self._seen(unit.sql, principal, space_id, from_names, at)
            original = seen.require_entry()
            place = self._place(unit.sql, principal, space_id, to_names, Action.WRITE)
            if original.node in place.resource.line:
                raise IntoItself(N_("“{target}” lies below “{source}”."), target=place.path, source=original.path)
            deeds.clear_target(unit, place, replace=replace)
            return deeds.copy_tree(unit, seen, original, place)

        return await self._log.commit(change, actor=principal)

    async def trash(self, principal: Principal, space: str, path: str, condition: Condition = _ANYTHING) -> TrashChange:
        """Put what is at *path* into the trash, with all below it; ``restore`` brings it back.

        Raises:
            NoSuchEntry: nothing is there.
            ConditionMissing: *condition* does not say which state is meant.
            Stale: *condition* does not hold.
            RootStays: it is the root.
        """
        names, space_id = rules.parse_path(path), await self._space_id(principal, space)

        def change(unit: Unit) -> TrashChange:
            place = self._place(unit.sql, principal, space_id, names, Action.WRITE)
            entry = place.require_entry()
            rules.check_condition(condition, entry, is_required=True)
            trashed = deeds.trash_entry(unit, place.space, entry)
            return TrashChange(trashed, trashed.seq)

        return await self._log.commit(change, actor=principal)

    # The trash

    async def find_trash(self, principal: Principal, space: str, limit: int, cursor: str | None) -> Page[Trashed]:
        """Return a page of what is in the trash of a space, last removed first."""
        space_id = await self._space_id(principal, space)
        before = int(decode_cursor(cursor, int)[0]) if cursor else _NEVER

        def ask(sql: Sql) -> list[Trashed]:
            place = self._place(sql, principal, space_id, (), Action.READ)
            found = trash.find(sql, space_id, before, limit + 1)
            return [dataclasses.replace(each, path=_former_path(sql, place.space, each)) for each in found]

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].seq) if len(found) > limit else None)

    async def restore(self, principal: Principal, space: str, node: str, target: str | None = None) -> Change:
        """Bring a thing back from the trash, with all that was below it, to where it was or to *target*.

        Raises:
            NotInTrash: it is not in the trash of this space.
            NoParent: the folder it was in is gone.
            Exists: something else is there by now.
        """
        space_id = await self._space_id(principal, space)
        wanted = None if target is None else rules.parse_path(target)

        def change(unit: Unit) -> Change:
            root = self._place(unit.sql, principal, space_id, (), Action.WRITE)
            trashed = trash.find_one(unit.sql, space_id, NodeId(node))
            if trashed is None:
                raise NotInTrash(fix=N_("See what is, with: cloudconnect trash list"))
            names = wanted if wanted is not None else _former_names(unit.sql, root.space, trashed)
            place = self._place(unit.sql, principal, space_id, names, Action.WRITE)
            place.require_parent(may_be_made=False)
            if place.entry is not None:
                raise Exists(
                    N_("“{path}” is taken by something else."), fix=N_("Restore it to another path."), path=place.path
                )
            former = tree.find_row(unit.sql, space_id, trashed.node, trashed.seq - 1)
            trash.remove(unit.sql, trashed.node)
            recorded = unit.record(EntryRestored(subject=trashed.node, space=space_id))
            return deeds.replant(unit, deeds.there(former), place, deeds.seq_of(recorded))

        return await self._log.commit(change, actor=principal)

    # Inside a transaction

    def _place(
        self,
        sql: Sql,
        principal: Principal,
        space_id: SpaceId,
        names: tuple[str, ...],
        action: Action,
        at: int | None = None,
    ) -> Place:
        space = spaces.find_space(sql, space_id)
        if space is None:
            self._access.require(sql, principal, action, Resource(space_id, ()))
            raise NoSuchEntry(N_("There is no such space."))
        place = find_place(sql, space, names, at)
        self._access.require(sql, principal, action, place.resource)
        return place

    def _seen(
        self,
        sql: Sql,
        principal: Principal,
        space_id: SpaceId,
        names: tuple[str, ...],
        at: str | None,
        seq: int | None = None,
    ) -> Place:
        if seq is None:
            seq = self._seq(sql, space_id, at)
        return self._place(sql, principal, space_id, names, Action.READ, at=seq)

    def _seq(self, sql: Sql, space_id: SpaceId, at: str | None) -> int | None:
        moment = None if at is None else rules.parse_moment(at, self._clock.now())
        return moment if moment is None or isinstance(moment, int) else self._log.seq_at(sql, space_id, moment)

    def _check_put(
        self,
        sql: Sql,
        principal: Principal,
        space_id: SpaceId,
        names: tuple[str, ...],
        condition: Condition,
        parents: bool,
    ) -> Place:
        place = self._place(sql, principal, space_id, names, Action.WRITE)
        existing = place.entry
        if existing is not None and existing.is_folder:
            raise NotAFile(N_("“{path}” is a folder."), fix=N_("Choose another name."), path=existing.path)
        rules.check_condition(condition, existing, is_required=True)
        place.require_parent(may_be_made=parents)
        return place

    # The asker's own space

    async def _space_id(self, principal: Principal, space: str) -> SpaceId:
        if space != PERSONAL:
            return SpaceId(space)
        known = self._personal.get(principal.id)
        if known is None:
            owner = UserId(principal.id)
            found = await self._database.read(lambda sql: spaces.find_personal(sql, owner))
            known = found.id if found is not None else await self._add_personal(principal)
            self._personal[principal.id] = known
        return known

    async def _add_personal(self, principal: Principal) -> SpaceId:
        now_ms = round(self._clock.now().timestamp() * 1000)
        space_id, root = SpaceId(new_id("spc", now_ms)), NodeId(new_id("nod", now_ms))
        await self._vault.add_domain(space_id)

        def change(unit: Unit) -> SpaceId:
            existing = spaces.find_personal(unit.sql, UserId(principal.id))
            if existing is not None:
                return existing.id
            space = Space(space_id, principal.name, SpaceKind.PERSONAL, UserId(principal.id), root, 0, unit.now)
            spaces.add_space(unit.sql, space)
            recorded = unit.record(SpaceAdded(subject=root, space=space_id, owner=principal.id))
            tree.add_entry(unit.sql, space_id, _root_entry(root, deeds.seq_of(recorded), unit.now_ms))
            self._access.add_grant(unit.sql, principal.id, Resource(space_id, (root,)), Role.OWN, unit.now_ms)
            return space_id

        return await self._log.commit(change, actor=principal)


def _listing_cursor(cursor: str | None) -> tuple[int | None, str]:
    if cursor is None:
        return None, ""
    seq, after = decode_cursor(cursor, int, str)
    return int(seq), str(after)


def _page(place: Place, found: list[Entry], limit: int, key: Callable[[Entry], str]) -> Page[Entry]:
    if len(found) <= limit:
        return Page(found)
    seq = place.space.seq if place.at is None else place.at
    return Page(found[:limit], encode_cursor(seq, key(found[limit - 1])))


def _root_entry(root: NodeId, seq: int, now_ms: int) -> Entry:
    return Entry(root, None, "", "/", now_ms * 1_000_000, seq, None, None, None, None)


def _former_path(sql: Sql, space: Space, trashed: Trashed) -> str:
    parent = find_path(sql, space, trashed.parent, trashed.seq - 1)
    return f"{(parent or '').rstrip('/')}/{trashed.name}"


def _former_names(sql: Sql, space: Space, trashed: Trashed) -> tuple[str, ...]:
    parent = find_path(sql, space, trashed.parent, None)
    if parent is None:
        raise NoParent(
            N_("The folder that “{name}” was in is gone."), fix=N_("Restore it to another path."), name=trashed.name
        )
    return (*rules.parse_path(parent), trashed.name)
