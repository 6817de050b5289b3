"""Which files are damaged, for those who can do something about it."""

from cloudconnect.database import Database
from cloudconnect.features.files.models import DamagedFile
from cloudconnect.features.files.store.damaged import find_damaged
from cloudconnect.kernel.errors import Denied
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.access import Access, Role
from cloudconnect.ports.sql import Sql


class DamageService:
    """Lists damaged files: all of them to administrators, and to everybody else those of the spaces they own."""

    def __init__(self, database: Database, access: Access) -> None:
        self._database = database
        self._access = access

    async def find_damaged(self, principal: Principal, limit: int, cursor: str | None) -> Page[DamagedFile]:
        """Return a page of the versions, present and past, of which a part is missing or changed."""
        node, seq = decode_cursor(cursor, str, int) if cursor else ("", 0)
        after = (str(node), int(seq))
        is_admin = self._is_admin(principal)

        def ask(sql: Sql) -> list[DamagedFile]:
            return find_damaged(sql, None if is_admin else self._owned(sql, principal), after, limit + 1)

        found = await self._database.read(ask)
        last = found[limit - 1] if len(found) > limit else None
        return Page(found[:limit], encode_cursor(last.node, last.version) if last else None)

    def _is_admin(self, principal: Principal) -> bool:
        try:
            self._access.require_admin(principal)
        except Denied:
            return False
        return True

    def _owned(self, sql: Sql, principal: Principal) -> list[SpaceId]:
        return [space for space, role in self._access.horizon(sql, principal).items() if role is Role.OWN]
