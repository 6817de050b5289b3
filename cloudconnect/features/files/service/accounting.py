"""What spaces and folders take, and what spaces may take."""

from collections.abc import Mapping

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import QuotaSet
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NoSuchEntry
from cloudconnect.features.files.models import Footprint, Setting, SettingChange, SettingKind, Space
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import find_place
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import spaces, usage
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.operations import Progress
from cloudconnect.ports.sql import Sql


class AccountingService:
    """Accounts for space; what is asked about a folder needs the right to read its whole space.

    Whoever sees only a part could tell from what it shares with the rest whether something is there.
    """

    def __init__(self, log: EventLog, database: Database, guide: Guide) -> None:
        self._log = log
        self._database = database
        self._guide = guide

    async def find_footprint(self, principal: Principal, space: str, path: str) -> Footprint:
        """Return what is at *path* with all below it, its past and what was removed from it, down to bytes in packs.

        Raises:
            NoSuchEntry: nothing is there.
        """
        names = rules.parse_path(path)
        space_id = await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> Footprint:
            root = self._guide.place(sql, principal, space_id, (), Action.READ)
            return usage.find_footprint(sql, space_id, find_place(sql, root.space, names).require_entry())

        return await self._database.read(ask)

    async def find_spaces(self, principal: Principal, limit: int, cursor: str | None) -> Page[Space]:
        """Return a page of all spaces of the appliance, oldest first; for administrators."""
        self._guide.access.require_admin(principal)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""
        found = await self._database.read(lambda sql: spaces.find_spaces(sql, after, limit + 1))
        return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def set_quota(self, principal: Principal, space: str, quota_bytes: int | None) -> SettingChange[Space]:
        """Bound what a space may use, or take the bound away with None; for administrators.

        A space that uses more already keeps it, and takes nothing that would add to it.

        Raises:
            NoSuchEntry: there is no such space.
            BadQuota: it is negative, or more than can be counted.
        """
        self._guide.access.require_admin(principal)
        rules.check_quota_size(quota_bytes)
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> SettingChange[Space]:
            put_quota(unit, _there(unit.sql, space_id), quota_bytes)
            return SettingChange(_there(unit.sql, space_id), deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    def recount(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Compare what every space is charged with to what it uses, and put right what differs; an operation.

        The charge is kept in the units that change what it counts, so nothing should ever differ.
        """
        del parameters
        progress.check()
        found = self._database.read_now(spaces.find_miscounted)
        if found:
            found = self._log.commit_now(_put_right, actor=APPLIANCE)
        return {"spaces_wrong": len(found), "wrong_bytes": sum(abs(used - right) for _, used, right in found)}


def put_quota(unit: Unit, space: Space, quota_bytes: int | None) -> None:
    """Bound what *space* may use, or take the bound away with None, unless it is so."""
    if space.quota_bytes == quota_bytes:
        return
    spaces.set_quota(unit.sql, space.id, quota_bytes)
    seq = deeds.seq_of(unit.record(QuotaSet(subject=space.id, space=space.id, quota_bytes=quota_bytes)))
    remember(unit, space, Setting(space.root, SettingKind.QUOTA), space.quota_bytes, quota_bytes, seq)


def _put_right(unit: Unit) -> list[tuple[SpaceId, int, int]]:
    found = spaces.find_miscounted(unit.sql)
    for space, _, right in found:
        spaces.set_used(unit.sql, space, right)
    return found


def _there(sql: Sql, space_id: SpaceId) -> Space:
    space = spaces.find_space(sql, space_id)
    if space is None:
        raise NoSuchEntry(N_("There is no such space."))
    return space
