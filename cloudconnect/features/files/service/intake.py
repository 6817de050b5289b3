"""Taking in many files at once, and files in parts that the client has cut itself."""

from collections.abc import Sequence

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.models import Batch, Condition, NewItem, Put
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.batch import Incoming
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import Place
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Cutting, Vault

_ANYTHING = Condition()


class IntakeService:
    """The quick ways in: many small files in one unit, and only those chunks of a large one that are not there yet."""

    def __init__(self, log: EventLog, database: Database, guide: Guide, vault: Vault) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault

    async def put_many(self, principal: Principal, space: str, items: Sequence[NewItem]) -> Batch:
        """Store many small files and folders in one unit; missing folders on the way are made.

        Each is decided, and refused, by itself; what was not refused is there when this returns, all at one moment.

        Raises:
            NoSpace: the disk is full.
        """
        space_id = await self._guide.space_id(principal, space)
        incoming = Incoming(items)

        def find_folder(sql: Sql, names: tuple[str, ...]) -> Place:
            place = self._guide.place(sql, principal, space_id, names, Action.WRITE)
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
            return Batch(outcomes, stored.stored_bytes, stored.reused_bytes, deeds.undo_of(unit, space_id))

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
        await self._database.read(
            lambda sql: self._guide.place_to_put(sql, principal, space_id, names, condition, parents)
        )
        content = await self._vault.assemble(space_id, chunks)

        def change(unit: Unit) -> Put:
            place = self._guide.place_to_put(unit.sql, principal, space_id, names, condition, parents)
            self._vault.settle(unit.sql, space_id, content)
            entry = deeds.write_entry(unit, place, content, modified_ns, None)
            undo = deeds.undo_of(unit, space_id)
            return Put(entry, place.entry is None, entry.from_seq, content.stored_bytes, content.reused_bytes, undo)

        return await self._log.commit(change, actor=principal)

    async def _negotiable(self, principal: Principal, space: str) -> SpaceId:
        """Return the space if *principal* may read and write all of it."""
        space_id = await self._guide.space_id(principal, space)

        def check(sql: Sql) -> None:
            self._guide.place(sql, principal, space_id, (), Action.READ)
            self._guide.place(sql, principal, space_id, (), Action.WRITE)

        await self._database.read(check)
        return space_id
