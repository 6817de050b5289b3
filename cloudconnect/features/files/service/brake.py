"""What the brake stopped: seen by the owner of a space, lifted, or announced before it has to."""

import dataclasses
from datetime import timedelta

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import BrakeLifted, BrakeSet
from cloudconnect.features.files.errors import BadExpectation, NoSuchBrake, OwnBrake
from cloudconnect.features.files.models import Brake, Setting, SettingChange, SettingKind, Space
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.braking import CHANGES, session_of
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import brakes
from cloudconnect.kernel.clock import Clock, to_ms
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql

LEAST_CHANGES = 20
MOST_CHANGES = 1_000_000
_EXPECTED_FOR = timedelta(hours=1)
_FRESH = timedelta(minutes=10)
_LAST = "brk_~"


class BrakeService:
    """Shows and lifts what stopped a session from writing to a space; who manages the space may."""

    def __init__(self, log: EventLog, database: Database, clock: Clock, guide: Guide) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide

    async def find_brakes(self, principal: Principal, space: str, limit: int, cursor: str | None) -> Page[Brake]:
        """Return a page of the times that a session was stopped in a space, last first."""
        space_id = await self._guide.space_id(principal, space)
        before = str(decode_cursor(cursor, str)[0]) if cursor else _LAST

        def ask(sql: Sql) -> list[Brake]:
            self._guide.place(sql, principal, space_id, (), Action.READ)
            return brakes.find(sql, space_id, before, limit + 1)

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def lift(self, principal: Principal, space: str, brake: str) -> Brake:
        """Let a session that was stopped write again.

        Raises:
            NoSuchBrake: no session was stopped by this one.
            OwnBrake: it is the asker's own session, and no person who signed in within ten minutes.
        """
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Brake:
            self._guide.place_to_manage(unit.sql, principal, space_id)
            found = brakes.find_one(unit.sql, space_id, brake)
            if found is None:
                raise NoSuchBrake(fix=N_("See which there are, with: cloudconnect brake list"))
            if found.session == session_of(principal) and not self._is_proven(principal):
                raise OwnBrake(fix=N_("Lift it from another session, or sign in again and lift it then."))
            if found.lifted is not None:
                return found
            brakes.lift(unit.sql, found.id, unit.now_ms, principal.id)
            brakes.forget_window(unit.sql, space_id, found.session)
            unit.record(BrakeLifted(subject=found.id, space=space_id, stopped=found.session))
            return dataclasses.replace(found, lifted=unit.now)

        return await self._log.commit(change, actor=principal)

    async def expect(self, principal: Principal, space: str, changes: int) -> None:
        """Announce that this session will remove or overwrite so many files within an hour.

        Raises:
            BadExpectation: it is not a number of files.
        """
        if not 0 <= changes <= MOST_CHANGES:
            raise BadExpectation(N_("At most {most} changes can be announced."), most=MOST_CHANGES)
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> None:
            self._guide.place(unit.sql, principal, space_id, (), Action.WRITE)
            until_ms = to_ms(unit.now + _EXPECTED_FOR)
            brakes.expect(unit.sql, space_id, session_of(principal), changes, until_ms)

        await self._log.commit(change, actor=principal)

    async def get_limit(self, principal: Principal, space: str) -> int:
        """Return how many files a session may remove or overwrite in a minute, 0 for any number."""
        space_id = await self._guide.space_id(principal, space)
        found = await self._database.read(
            lambda sql: self._guide.place(sql, principal, space_id, (), Action.READ).space.brake_changes
        )
        return CHANGES if found is None else found

    async def set_limit(self, principal: Principal, space: str, changes: int | None) -> SettingChange[int]:
        """Say how many files a session may remove or overwrite in a minute: 0 is any number, None the default.

        Return the number that holds now.

        Raises:
            BadExpectation: it is fewer than 20 or more than a million.
        """
        if changes is not None and changes and not LEAST_CHANGES <= changes <= MOST_CHANGES:
            raise BadExpectation(
                N_("The brake takes {least} to {most} changes, or 0 to be off."), least=LEAST_CHANGES, most=MOST_CHANGES
            )
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> SettingChange[int]:
            put_limit(unit, self._guide.place(unit.sql, principal, space_id, (), Action.MANAGE).space, changes)
            return SettingChange(CHANGES if changes is None else changes, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def remove_old(self) -> None:
        """Forget what no window reaches back to; a job calls this."""
        now_ms = to_ms(self._clock.now())
        await self._log.commit(lambda unit: brakes.remove_old(unit.sql, now_ms // 1000 - 3600, now_ms), actor=APPLIANCE)

    def _is_proven(self, principal: Principal) -> bool:
        proved = principal.proved_at
        return principal.kind is PrincipalKind.PERSON and proved is not None and self._clock.now() - proved <= _FRESH


def put_limit(unit: Unit, space: Space, changes: int | None) -> None:
    """Let a session remove or overwrite so many files of *space* in a minute: 0 is any number, None the default."""
    if space.brake_changes == changes:
        return
    brakes.set_limit(unit.sql, space.id, changes)
    seq = deeds.seq_of(unit.record(BrakeSet(subject=space.id, space=space.id, changes=changes)))
    remember(unit, space, Setting(space.root, SettingKind.BRAKE), space.brake_changes, changes, seq)
