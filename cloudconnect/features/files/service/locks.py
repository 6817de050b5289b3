"""Locks: saying that one means to write, so that others wait."""

import dataclasses
import uuid
from collections.abc import AsyncIterator

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import EntryLocked
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import LockConflict, NoLock, NoSuchLock, NotYourLock, TooManyLocks
from cloudconnect.features.files.models import Condition, Entry, Lock, LockTerms
from cloudconnect.features.files.service import covering, deeds
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import Place, find_path
from cloudconnect.features.files.store import locks
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.errors import Denied, NotFound
from cloudconnect.kernel.ids import LockId, SpaceId, new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Content, Vault

HELD_MOST = 1_000
"""How many locks one person may hold."""

_ANYTHING = Condition(is_whatever=True)


class LocksService:
    """Takes, prolongs, ends and breaks locks; they are advisory, end by themselves, and hold for every protocol."""

    def __init__(self, log: EventLog, database: Database, guide: Guide, vault: Vault, clock: Clock) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault
        self._clock = clock

    async def lock(
        self, principal: Principal, space: str, path: str, terms: LockTerms, condition: Condition = _ANYTHING
    ) -> tuple[Lock, bool]:
        """Lock what is at *path*, an empty file that is made if nothing is; return the lock and whether one was made.

        Raises:
            LockConflict: another lock covers it, or for a deep one something below it, and not both are shared.
            TooManyLocks: *principal* holds 1,000 already.
            NoParent: nothing is there, and no folder that it could be made in.
            Stale: *condition* does not hold.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)
        token = uuid.uuid4().urn

        def is_missing(sql: Sql) -> bool:
            return self._guide.place_to_lock(sql, principal, space_id, names).entry is None

        empty = await self._vault.write(space_id, _nothing()) if await self._database.read(is_missing) else None

        def change(unit: Unit) -> tuple[Lock, bool]:
            place = self._guide.place_to_lock(unit.sql, principal, space_id, names)
            rules.check_condition(condition, place.entry, is_required=False)
            _check_vacant_of_locks(unit, place, terms)
            locks.remove_expired(unit.sql, unit.now_ms)
            if locks.count_held(unit.sql, principal.id, unit.now_ms) >= HELD_MOST:
                raise TooManyLocks(fix=N_("Unlock what you no longer need."))
            entry = place.entry or self._make(unit, principal, place, empty)
            return _add(unit, principal, place, entry, terms, token), place.entry is None

        return await self._log.commit(change, actor=principal)

    async def prolong(self, principal: Principal, space: str, path: str, token: str, terms: LockTerms) -> Lock:
        """Let the lock *token*, which covers *path*, live for as long as *terms* say from now on.

        Raises:
            NoSuchLock: no such lock covers it.
            NotYourLock: it is somebody else's.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Lock:
            lock = self._held(unit, principal, space_id, names, token)
            prolonged = dataclasses.replace(lock, expires=unit.now + terms.life)
            locks.prolong(unit.sql, lock.id, to_ms(prolonged.expires))
            _record(unit, prolonged)
            return prolonged

        return await self._log.commit(change, actor=principal)

    async def unlock(self, principal: Principal, space: str, path: str, token: str) -> None:
        """End the lock *token*, which covers *path*.

        Raises:
            NoSuchLock: no such lock covers it.
            NotYourLock: it is somebody else's.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> None:
            covering.end(unit, [self._held(unit, principal, space_id, names, token)])

        await self._log.commit(change, actor=principal)

    async def find_locks(self, principal: Principal, space: str, limit: int, cursor: str | None) -> Page[Lock]:
        """Return a page of the locks in a space, oldest first."""
        space_id = await self._guide.space_id(principal, space)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""

        def ask(sql: Sql) -> list[Lock]:
            root = self._guide.place(sql, principal, space_id, (), Action.READ)
            found = locks.find_in_space(sql, space_id, after, limit + 1, to_ms(self._clock.now()))
            return [dataclasses.replace(lock, path=find_path(sql, root.space, lock.node, None) or "") for lock in found]

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def break_lock(self, principal: Principal, space: str, lock: str) -> None:
        """End somebody's lock, as one who manages the space or administers the appliance; one's own in any case.

        Raises:
            NoLock: the space has no such lock.
            Denied: *principal* may not.
        """
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> None:
            found = locks.find_one(unit.sql, space_id, lock, unit.now_ms)
            is_own = found is not None and found.owner == principal.id
            self._require_power(unit.sql, principal, space_id, Action.READ if is_own else Action.MANAGE)
            if found is None:
                raise NoLock(fix=N_("See which there are, with: cloudconnect lock list"))
            covering.end(unit, [found], is_broken=not is_own)

        await self._log.commit(change, actor=principal)

    def _require_power(self, sql: Sql, principal: Principal, space_id: SpaceId, action: Action) -> None:
        try:
            self._guide.place(sql, principal, space_id, (), action)
        except (Denied, NotFound):
            if not principal.is_admin:
                raise
            self._guide.access.require_admin(principal)

    def _held(self, unit: Unit, principal: Principal, space_id: SpaceId, names: tuple[str, ...], token: str) -> Lock:
        place = self._guide.place(unit.sql, principal, space_id, names, Action.READ)
        for lock in locks.find_covering(unit.sql, place.resource.line, unit.now_ms):
            if lock.token == token:
                if lock.owner != principal.id:
                    raise NotYourLock(N_("It is {owner}'s."), owner=lock.owner_name)
                return with_path(lock, place)
        raise NoSuchLock(fix=N_("Look which locks there are."))

    def _make(self, unit: Unit, principal: Principal, place: Place, empty: Content | None) -> Entry:
        """Make the file that is locked before it has a content (RFC 4918, section 7.3)."""
        covering.check_covered(unit.sql, principal, place.resource.line, unit.now_ms)
        place.require_parent(may_be_made=False)
        if empty is None:
            raise NoSuchLock(N_("What was to be locked has just gone."), fix=N_("Try again."))
        self._vault.settle(unit.sql, place.space.id, empty)
        return deeds.write_entry(unit, place, empty, None, None)


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


def with_path(lock: Lock, place: Place) -> Lock:
    """Return *lock*, which covers *place*, with the path of its node."""
    return dataclasses.replace(
        lock, path=next((entry.path for entry in place.line if entry.node == lock.node), lock.path)
    )


def _check_vacant_of_locks(unit: Unit, place: Place, terms: LockTerms) -> None:
    there = locks.find_covering(unit.sql, place.resource.line, unit.now_ms) if place.entry is not None else []
    if terms.is_deep and place.entry is not None:
        there += locks.find_below(unit.sql, place.space.id, place.entry.node, unit.now_ms)
    for lock in there:
        if not (lock.is_shared and terms.is_shared):
            raise LockConflict(
                N_("{owner} has locked this until {until}."),
                fix=N_("Wait, ask for it to be unlocked, or see: cloudconnect lock list"),
                owner=lock.owner_name,
                until=lock.expires.isoformat(timespec="seconds"),
            )


def _add(unit: Unit, principal: Principal, place: Place, entry: Entry, terms: LockTerms, token: str) -> Lock:
    lock = Lock(
        id=LockId(new_id("lck", unit.now_ms)),
        token=token,
        space=place.space.id,
        node=entry.node,
        path=entry.path,
        owner=principal.id,
        owner_name=principal.name,
        description=terms.description,
        is_shared=terms.is_shared,
        is_deep=terms.is_deep and entry.is_folder,
        created=unit.now,
        expires=unit.now + terms.life,
    )
    locks.add(unit.sql, lock)
    _record(unit, lock)
    return lock


def _record(unit: Unit, lock: Lock) -> None:
    unit.record(
        EntryLocked(subject=lock.node, space=lock.space, lock=lock.id, owner=lock.owner, expires_ms=to_ms(lock.expires))
    )
