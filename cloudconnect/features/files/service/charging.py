"""Charging a space with what it takes in, in the unit that takes it in, never beyond its quota.

What is in the trash counts. It makes room for what comes as far as its policy lets it, the longest removed first, and
only if that is enough: what does not fit anyway costs nobody what is in the trash.
"""

from collections.abc import Iterator

from cloudconnect.bus import Unit
from cloudconnect.features.files.errors import QuotaExceeded
from cloudconnect.features.files.models import Space
from cloudconnect.features.files.service.yielding import (
    Reason,
    Yielding,
    find_yielding,
    give_up_now,
    weigh_trash,
)
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.ports.sql import Sql


class Room:
    """The room that a space has, as a transaction found it; what the trash gives up for more is chosen as needed."""

    def __init__(self, sql: Sql, space: Space, now_ms: int) -> None:
        self._sql = sql
        self._space = space
        self._candidates: Iterator[Yielding] = find_yielding(sql, space, now_ms)
        self.chosen: list[Yielding] = []
        self._freed = 0

    def require(self, size: int, *, may_yield: bool = True) -> None:
        """Return if *size* plain bytes more fit, with ``chosen`` as little of the trash as they need.

        Raises:
            QuotaExceeded: they do not, whatever the trash may give up.
        """
        if self._space.quota_bytes is None or size <= 0:
            return
        lacking = self._space.used_bytes + size - self._space.quota_bytes
        while may_yield and lacking > self._freed:
            found = next(self._candidates, None)
            if found is None:
                break
            self.chosen.append(found)
            self._freed += found.size
        if lacking > self._freed:
            raise _exceeded(self._sql, self._space, size)


class Charges:
    """What one unit adds to a space; *space* is as the unit found it."""

    def __init__(self, unit: Unit, space: Space) -> None:
        self._unit = unit
        self._space = space
        self._room = Room(unit.sql, space, unit.now_ms)
        self._size = 0

    def add(self, size: int, *, may_yield: bool = True) -> None:
        """Count *size* plain bytes more, or less if negative; the trash makes room for them if it *may_yield*.

        Raises:
            QuotaExceeded: the space may not hold as much; nothing has been counted.
        """
        if size > 0:
            self._room.require(self._size + size, may_yield=may_yield)
        self._size += size

    def settle(self) -> None:
        """Write down what was counted, and let the trash give up what that needs.

        Raises:
            QuotaExceeded: the space may not hold as much.
        """
        if not self._size:
            return
        if self._room.chosen:
            give_up_now(self._unit, self._space.id, self._needed(), Reason.QUOTA)
        if not spaces.charge(self._unit.sql, self._space.id, self._size):
            raise _exceeded(self._unit.sql, self._space, self._size)

    def _needed(self) -> Iterator[Yielding]:
        """Yield of what was chosen what is still needed: something may have been counted off since."""
        lacking = self._space.used_bytes + self._size - (self._space.quota_bytes or 0)
        for each in self._room.chosen:
            if lacking <= 0:
                return
            yield each
            lacking -= each.size


def charge(unit: Unit, space: Space, size: int, *, may_yield: bool = True) -> None:
    """Charge *space* with *size* plain bytes more, or less if negative; the trash makes room if it *may_yield*.

    It may not where what comes is of the past: that may lie in the trash itself.

    Raises:
        QuotaExceeded: the space may not hold as much.
    """
    charges = Charges(unit, space)
    charges.add(size, may_yield=may_yield)
    charges.settle()


def check_quota(sql: Sql, space: Space, size: int, now_ms: int) -> None:
    """Return if *space* may hold *size* plain bytes more, with what its trash would give up for them.

    Raises:
        QuotaExceeded: it may not.
    """
    Room(sql, space, now_ms).require(size)


def _exceeded(sql: Sql, space: Space, size: int) -> QuotaExceeded:
    freed, is_all = weigh_trash(sql, space.id)
    fix = N_("Ask an administrator for a larger quota.")
    if freed and is_all:
        fix = N_("Emptying the trash would free {freed}: cloudconnect trash empty. Or ask for a larger quota.")
    elif not is_all:
        fix = N_(
            "Emptying the trash would free more than {freed}: cloudconnect trash empty. Or ask for a larger quota."
        )
    return QuotaExceeded(
        N_("The space holds {used} of {quota}; {needed} more do not fit."),
        fix=fix,
        used=format_bytes(space.used_bytes),
        quota=format_bytes(space.quota_bytes or 0),
        needed=format_bytes(size),
        freed=format_bytes(freed),
    )
