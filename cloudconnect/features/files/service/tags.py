"""Saying things about files and folders in words: tags, and the fields that a space has for them."""

from collections.abc import Mapping, Sequence

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import FieldRemoved, FieldSet, Tagged, Untagged
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NoSuchField, NoSuchTag
from cloudconnect.features.files.models import (
    Field,
    Setting,
    SettingChange,
    SettingKind,
    Space,
    Tag,
    TagsChange,
    TagUse,
)
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import tags as store
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql


class TagsService:
    """Tags hang on the node, so they go with it through moves, the trash and new versions; copies take them along."""

    def __init__(self, log: EventLog, database: Database, guide: Guide) -> None:
        self._log = log
        self._database = database
        self._guide = guide

    async def find_tags(self, principal: Principal, space: str, path: str, at: str | None = None) -> list[Tag]:
        """Return the tags of what is at *path* by name, now or as they were at the moment *at*.

        Raises:
            NoSuchEntry: nothing is there.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> list[Tag]:
            place = self._guide.seen(sql, principal, space_id, names, at)
            node = place.require_entry().node
            return store.find_tags(sql, [node], place.at).get(node, [])

        return await self._database.read(ask)

    async def find_tags_in(
        self, principal: Principal, space: str, path: str, nodes: Sequence[NodeId], at: str | None = None
    ) -> Mapping[NodeId, list[Tag]]:
        """Return the tags of those of *nodes* that have any; they were found in the folder at *path* as of *at*.

        Raises:
            NotFound: the folder is not to be seen.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> Mapping[NodeId, list[Tag]]:
            place = self._guide.seen(sql, principal, space_id, names, at)
            return store.find_tags(sql, nodes, place.at)

        return await self._database.read(ask)

    async def change_tags(
        self, principal: Principal, space: str, path: str, added: Sequence[Tag], removed: Sequence[str]
    ) -> TagsChange:
        """Put tags on what is at *path*, or other values in the place of theirs, take others off; return all it has.

        What it has already is not said twice, so that repeating it records nothing.

        Raises:
            NoSuchEntry: nothing is there.
            BadTag: a value is not what the space demands of its name.
            NoSuchTag: it has none of a name that is to be taken off.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> TagsChange:
            place = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE)
            node = place.require_entry().node
            rules.check_tags(added, store.find_fields(unit.sql, space_id))
            untag(unit, place.space, node, removed, may_lack=False)
            tag(unit, place.space, node, added)
            held = store.find_tags(unit.sql, [node], None).get(node, [])
            return TagsChange(held, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def find_used(self, principal: Principal, space: str, limit: int, cursor: str | None) -> Page[TagUse]:
        """Return a page of the names of tags that are used in a space, with how many entries have one."""
        space_id = await self._guide.space_id(principal, space)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""

        def ask(sql: Sql) -> list[TagUse]:
            self._guide.place(sql, principal, space_id, (), Action.READ)
            return store.find_used(sql, space_id, after, limit + 1)

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].name) if len(found) > limit else None)

    # Fields

    async def find_fields(self, principal: Principal, space: str) -> list[Field]:
        """Return what a space demands of tags, by name."""
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> list[Field]:
            self._guide.place(sql, principal, space_id, (), Action.READ)
            return store.find_fields(sql, space_id)

        return await self._database.read(ask)

    async def set_field(self, principal: Principal, space: str, field: Field) -> SettingChange[Field]:
        """Demand of tags of one name that their values are of a kind; tags that are there already stay as they are.

        Raises:
            BadField: a choice without choices, or one that is no text.
            Denied: only who manages the space may.
        """
        space_id = await self._guide.space_id(principal, space)
        rules.check_field(field)

        def change(unit: Unit) -> SettingChange[Field]:
            found = self._guide.place(unit.sql, principal, space_id, (), Action.MANAGE).space
            put_field(unit, found, field.name, field)
            return SettingChange(field, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def remove_field(self, principal: Principal, space: str, name: str) -> SettingChange[list[Field]]:
        """Demand nothing of tags of this name any more; the tags stay. Return the fields that are left.

        Raises:
            NoSuchField: the space has none of this name.
            Denied: only who manages the space may.
        """
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> SettingChange[list[Field]]:
            found = self._guide.place(unit.sql, principal, space_id, (), Action.MANAGE).space
            if not put_field(unit, found, name, None):
                raise NoSuchField(fix=N_("See which there are, with: cloudconnect field list"))
            return SettingChange(store.find_fields(unit.sql, space_id), deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)


def put_field(unit: Unit, space: Space, name: str, field: Field | None) -> bool:
    """Demand what *field* says of tags called *name*, or nothing; tell whether that is another thing than before."""
    before = next((each for each in store.find_fields(unit.sql, space.id) if each.name == name), None)
    if before == field:
        return False
    if field is None:
        recorded = unit.record(FieldRemoved(subject=space.id, space=space.id, name=name))
        store.remove_field(unit.sql, space.id, name)
    else:
        recorded = unit.record(FieldSet(subject=space.id, space=space.id, name=name, form=field.kind.value))
        store.set_field(unit.sql, space.id, field)
    setting = Setting(space.root, SettingKind.FIELD, name)
    remember(unit, space, setting, before, field, deeds.seq_of(recorded))
    return True


def tag(unit: Unit, space: Space, node: NodeId, added: Sequence[Tag]) -> int:
    """Put those of the tags *added* on *node* that it does not have; return the last seq of it, 0 without any."""
    held, seq = store.find_tags(unit.sql, [node], None).get(node, []), 0
    for each in added:
        if each in held:
            continue
        value = each.value
        fact = Tagged(subject=node, space=space.id, name=each.name, form=value.kind.value, value=value.text)
        seq = deeds.seq_of(unit.record(fact))
        store.add_tag(unit.sql, space.id, node, each, seq)
    return seq


def untag(unit: Unit, space: Space, node: NodeId, removed: Sequence[str], *, may_lack: bool) -> int:
    """Take the tags called *removed* off *node*; return the last seq of it, 0 where it had none.

    Raises:
        NoSuchTag: it lacks one and *may_lack* is false.
    """
    held, seq = {each.name for each in store.find_tags(unit.sql, [node], None).get(node, [])}, 0
    for name in dict.fromkeys(removed):
        if name in held:
            seq = deeds.seq_of(unit.record(Untagged(subject=node, space=space.id, name=name)))
            store.end_tag(unit.sql, node, name, seq)
        elif not may_lack:
            raise NoSuchTag(
                N_("It has no tag “{name}”."), fix=N_("See which it has, with: cloudconnect tag list PATH"), name=name
            )
    return seq
