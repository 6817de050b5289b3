"""Leading a principal to a place: whose space is meant, since when, and whether it may go there."""

import unicodedata

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import BadMoment, NoSuchEntry, NotAFile
from cloudconnect.features.files.models import Condition, SpaceKind
from cloudconnect.features.files.service import braking, covering, founding
from cloudconnect.features.files.service.places import Place, find_place
from cloudconnect.features.files.store import snapshots, spaces
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.ids import SpaceId, UserId, is_id, new_id
from cloudconnect.kernel.principal import Principal, Scope
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access, Action, Resource
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Vault

PERSONAL = "personal"
"""Stands for the asker's own space wherever a space is named."""


class Guide:
    """Leads to places; every service of the room asks the same one, so that nothing is reached undecided."""

    def __init__(self, log: EventLog, database: Database, clock: Clock, access: Access, vault: Vault) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._vault = vault
        self._personal: dict[str, SpaceId] = {}
        self.access = access

    @property
    def now_ms(self) -> int:
        """The time by the clock, milliseconds since 1970."""
        return to_ms(self._clock.now())

    def forget_space(self, space: SpaceId) -> None:
        """Remember no longer whose personal space *space* is; whoever it was gets another one when it is needed."""
        self._personal = {owner: held for owner, held in self._personal.items() if held != space}

    def place(
        self,
        sql: Sql,
        principal: Principal,
        space_id: SpaceId,
        names: tuple[str, ...],
        action: Action,
        at: int | None = None,
    ) -> Place:
        """Return the place that *names* lead to, now or as of the seq *at*, if *principal* may do *action* there.

        Raises:
            NoSuchEntry: the space is not there, or was not yet.
            Denied, NotFound: as ``Access.require`` decides.
            EntryLocked: somebody else's lock covers what *action* would change.
            SpaceArchived: *action* would change an archived space.
            Braked: the principal's session was stopped from writing to the space.
        """
        place = self._place(sql, principal, space_id, names, action, at)
        if action is Action.WRITE:
            braking.check_free(sql, principal, space_id)
            covering.check_covered(sql, principal, place.resource.line, to_ms(self._clock.now()))
        return place

    def place_to_manage(self, sql: Sql, principal: Principal, space_id: SpaceId) -> Place:
        """Return the root of a space if *principal* manages it, or administers the appliance.

        Raises:
            Denied, NotFound: as ``Access.require`` decides.
        """
        space = spaces.find_space(sql, space_id)
        if space is not None and principal.is_admin and Scope.ADMIN in principal.scopes:
            return find_place(sql, space, ())
        return self.place(sql, principal, space_id, (), Action.MANAGE)

    def place_to_lock(self, sql: Sql, principal: Principal, space_id: SpaceId, names: tuple[str, ...]) -> Place:
        """Return the place that *names* lead to, whoever has locked it, if *principal* may write there.

        Raises:
            Denied, NotFound: as ``Access.require`` decides.
        """
        return self._place(sql, principal, space_id, names, Action.WRITE, None)

    def _place(
        self,
        sql: Sql,
        principal: Principal,
        space_id: SpaceId,
        names: tuple[str, ...],
        action: Action,
        at: int | None,
    ) -> Place:
        space = spaces.find_space(sql, space_id)
        if space is None:
            self.access.require(sql, principal, action, Resource(space_id, ()))
            raise NoSuchEntry(N_("There is no such space."))
        place = find_place(sql, space, names, at)
        self.access.require(sql, principal, action, place.resource)
        if action is Action.WRITE:
            rules.check_not_archived(space)
        return place

    def seen(
        self,
        sql: Sql,
        principal: Principal,
        space_id: SpaceId,
        names: tuple[str, ...],
        at: str | None,
        seq: int | None = None,
    ) -> Place:
        """Return the place for reading, at the moment *at*, or at *seq* where a listing began."""
        if seq is None:
            try:
                seq = self.seq(sql, space_id, at)
            except BadMoment:
                # Whoever may not see the place learns nothing of what its moments are called either.
                self.place(sql, principal, space_id, names, Action.READ)
                raise
        return self.place(sql, principal, space_id, names, Action.READ, at=seq)

    def seq(self, sql: Sql, space_id: SpaceId, at: str | None) -> int | None:
        """Return the seq of *space_id* that the words *at* mean, or the name of a snapshot; None is the present.

        Raises:
            BadMoment: they mean none.
        """
        if at is None:
            return None
        try:
            moment = rules.parse_moment(at, self._clock.now())
        except BadMoment:
            named = snapshots.find_seq(sql, space_id, rules.snapshot_name(at))
            if named is None:
                raise
            return named
        return moment if isinstance(moment, int) else self._log.seq_at(sql, space_id, moment)

    def place_to_put(
        self,
        sql: Sql,
        principal: Principal,
        space_id: SpaceId,
        names: tuple[str, ...],
        condition: Condition,
        parents: bool,
    ) -> Place:
        """Return the place if a file may be written there: a new one, or another version of the one that is there.

        Raises:
            NotAFile: a folder is there.
            Stale, ConditionMissing: as ``rules.check_condition`` says.
            NoParent: the folder does not exist and *parents* is false.
        """
        place = self.place(sql, principal, space_id, names, Action.WRITE)
        existing = place.entry
        if existing is not None and existing.is_folder:
            raise NotAFile(N_("“{path}” is a folder."), fix=N_("Choose another name."), path=existing.path)
        rules.check_condition(condition, existing, is_required=True)
        place.require_parent(may_be_made=parents)
        return place

    async def space_id(self, principal: Principal, space: str) -> SpaceId:
        """Return the id of the space that *space* names: an id, a name, or ``personal``.

        One's own personal space is made when it is first asked for. Of several spaces of one name, one's own is meant,
        else the oldest that one may see. A name that leads nowhere comes back as it is, for ``place`` to refuse.
        """
        if is_id(space, "spc"):
            return SpaceId(space)
        # Not every database can be asked for a NUL; no space is called so either way.
        space = space.replace("\0", "\ufffd")
        if space != PERSONAL:
            return await self._database.look(lambda sql: self._named(sql, principal, space))
        known = self._personal.get(principal.id)
        if known is None:
            owner = UserId(principal.id)
            found = await self._database.read(lambda sql: spaces.find_personal(sql, owner))
            known = found.id if found is not None else await self._add_personal(principal)
            self._personal[principal.id] = known
        return known

    def _named(self, sql: Sql, principal: Principal, name: str) -> SpaceId:
        named = spaces.find_named(sql, unicodedata.normalize("NFC", name))
        own = [each.id for each in named if each.owner == principal.id]
        seen = self.access.horizon(sql, principal) if len(named) > len(own) and not own else {}
        return next(iter([*own, *(each.id for each in named if each.id in seen)]), SpaceId(name))

    async def _add_personal(self, principal: Principal) -> SpaceId:
        space_id = SpaceId(new_id("spc", to_ms(self._clock.now())))
        await self._vault.add_domain(space_id)

        def change(unit: Unit) -> SpaceId:
            owner = UserId(principal.id)
            existing = spaces.find_personal(unit.sql, owner)
            if existing is not None:
                return existing.id
            founding.found(unit, self.access, space_id, SpaceKind.PERSONAL, principal.name, owner)
            return space_id

        return await self._log.commit(change, actor=principal)
