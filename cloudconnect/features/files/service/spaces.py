"""Making spaces, naming them, and putting them to rest."""

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import QuotaSet, SpaceArchived, SpaceRenamed, SpaceUnarchived
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NoSuchEntry, NoSuchOwner, PersonalSpaceStays, SpaceNameTaken
from cloudconnect.features.files.models import Setting, SettingChange, SettingKind, Space, SpaceKind
from cloudconnect.features.files.service import deeds, founding
from cloudconnect.features.files.service.guide import PERSONAL, Guide
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import SpaceId, UserId, new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.accounts import Accounts
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Vault


class SpacesService:
    """Looks after spaces as wholes; a space is named by its id, its name, or as ``personal``."""

    def __init__(
        self, log: EventLog, database: Database, clock: Clock, guide: Guide, vault: Vault, accounts: Accounts
    ) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide
        self._vault = vault
        self._accounts = accounts

    async def find_spaces(
        self, principal: Principal, limit: int, cursor: str | None, *, archived: bool = False
    ) -> Page[Space]:
        """Return a page of the spaces that *principal* may see, oldest first; *archived* ones only if asked for."""
        await self._guide.space_id(principal, PERSONAL)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""

        def ask(sql: Sql) -> list[Space]:
            seen = sorted(space for space in self._guide.access.horizon(sql, principal) if space > after)
            there = (spaces.find_space(sql, identifier) for identifier in seen)
            shown = (space for space in there if space is not None and (archived or space.archived is None))
            return [space for _, space in zip(range(limit + 1), shown, strict=False)]

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def get_space(self, principal: Principal, space: str) -> Space:
        """Return one space."""
        space_id = await self._guide.space_id(principal, space)
        return await self._database.read(lambda sql: self._guide.place(sql, principal, space_id, (), Action.READ).space)

    async def create(
        self, principal: Principal, name: str, *, owner: str | None = None, quota_bytes: int | None = None
    ) -> Space:
        """Make a space for the account called *owner*, or for *principal*; for administrators.

        Raises:
            Denied: *principal* is none. Whoever made spaces for himself would be free of the quota of his own.
            BadSpaceName: *name* cannot name one.
            SpaceNameTaken: the owner has a space of this name.
            NoSuchOwner: there is no account called *owner*.
            BadQuota: *quota_bytes* is negative, or more than can be counted.
        """
        self._guide.access.require_admin(principal)
        name = rules.parse_space_name(name)
        rules.check_quota_size(quota_bytes)

        def check(sql: Sql) -> UserId:
            account = self._owner(sql, principal, owner)
            check_vacant(sql, account, name)
            return account

        await self._database.read(check)
        space_id = SpaceId(new_id("spc", to_ms(self._clock.now())))
        await self._vault.add_domain(space_id)

        def change(unit: Unit) -> None:
            founding.found(unit, self._guide.access, space_id, SpaceKind.TEAM, name, check(unit.sql))
            if quota_bytes is not None:
                spaces.set_quota(unit.sql, space_id, quota_bytes)
                unit.record(QuotaSet(subject=space_id, space=space_id, quota_bytes=quota_bytes))

        await self._log.commit(change, actor=principal)
        return await self._there(space_id)

    async def change(
        self, principal: Principal, space: str, *, name: str | None = None, archived: bool | None = None
    ) -> SettingChange[Space]:
        """Give a space another name, archive it or bring it back, in one unit; for its owner and administrators.

        Nothing in an archived space changes, neither by hand nor by the clock. It can be seen and read as before, and
        counts as before, but it is no longer listed unless asked for.

        Raises:
            BadSpaceName: *name* cannot name one.
            SpaceNameTaken: its owner has another space of this name.
            PersonalSpaceStays: it is somebody's personal space, which cannot be archived.
        """
        wanted = None if name is None else rules.parse_space_name(name)
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> str:
            found = self._guide.place_to_manage(unit.sql, principal, space_id).space
            if wanted is not None:
                rename(unit, found, wanted)
            if archived is not None:
                put_archived(unit, found, archived=archived)
            return deeds.undo_of(unit, space_id)

        undo = await self._log.commit(change, actor=principal)
        return SettingChange(await self._there(space_id), undo)

    async def find_id(self, principal: Principal, space: str) -> SpaceId:
        """Return the id of what *principal* calls *space*; a name that leads nowhere comes back as it is."""
        return await self._guide.space_id(principal, space)

    async def _there(self, space_id: SpaceId) -> Space:
        """Return a space as it is once its facts are numbered."""
        found = await self._database.read(lambda sql: spaces.find_space(sql, space_id))
        if found is None:
            raise NoSuchEntry(N_("There is no such space."))
        return found

    def _owner(self, sql: Sql, principal: Principal, name: str | None) -> UserId:
        if name is None:
            return UserId(principal.id)
        holder = self._accounts.find_named(sql, name.strip().lower())
        if holder is None:
            raise NoSuchOwner(
                N_("There is no account called “{name}”."), fix=N_("See: cloudconnect account list"), name=name[:100]
            )
        return holder.id


def check_vacant(sql: Sql, owner: UserId, name: str) -> None:
    """Return if *owner* has no space called *name*.

    Raises:
        SpaceNameTaken: there is one.
    """
    if any(each.owner == owner for each in spaces.find_named(sql, name)):
        raise SpaceNameTaken(
            N_("There is a space called “{name}” of the same owner."), fix=N_("Choose another name."), name=name
        )


def rename(unit: Unit, space: Space, name: str) -> None:
    """Call *space* by another *name*, unless it has it.

    Raises:
        SpaceNameTaken: its owner has another space of this name.
    """
    if name == space.name:
        return
    check_vacant(unit.sql, space.owner, name)
    spaces.rename(unit.sql, space.id, name)
    seq = deeds.seq_of(unit.record(SpaceRenamed(subject=space.id, space=space.id)))
    remember(unit, space, Setting(space.root, SettingKind.NAME), space.name, name, seq)


def put_archived(unit: Unit, space: Space, *, archived: bool) -> None:
    """Archive *space* or bring it back, unless it is so.

    Raises:
        PersonalSpaceStays: it is somebody's personal space, which cannot be archived.
    """
    if archived is (space.archived is not None):
        return
    if archived and space.kind is SpaceKind.PERSONAL:
        raise PersonalSpaceStays(
            N_("“{name}” is a personal space, which its owner needs."),
            fix=N_("Move what shall rest to a space of its own."),
            name=space.name,
        )
    spaces.set_archived(unit.sql, space.id, unit.now_ms if archived else None)
    fact = SpaceArchived if archived else SpaceUnarchived
    seq = deeds.seq_of(unit.record(fact(subject=space.id, space=space.id)))
    before, after = (None, True) if archived else (True, None)
    remember(unit, space, Setting(space.root, SettingKind.ARCHIVED), before, after, seq)
