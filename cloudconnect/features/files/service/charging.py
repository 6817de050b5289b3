"""Charging a space with what it takes in, in the unit that takes it in, never beyond its quota."""

from cloudconnect.bus import Unit
from cloudconnect.features.files.errors import QuotaExceeded
from cloudconnect.features.files.models import Space
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes


class Charges:
    """What one unit adds to a space; ``space`` is as the unit found it."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._size = 0

    def add(self, size: int) -> None:
        """Count *size* plain bytes more, or less if negative.

        Raises:
            QuotaExceeded: the space may not hold as much; nothing has been counted.
        """
        if size > 0 and self._space.quota_bytes is not None:
            check_quota(self._space, self._size + size)
        self._size += size

    def settle(self, unit: Unit) -> None:
        """Write down what was counted.

        Raises:
            QuotaExceeded: the space may not hold as much.
        """
        if self._size and not spaces.charge(unit.sql, self._space.id, self._size):
            raise _exceeded(self._space, self._size)


def charge(unit: Unit, space: Space, size: int) -> None:
    """Charge *space* with *size* plain bytes more, or less if negative.

    Raises:
        QuotaExceeded: the space may not hold as much.
    """
    charges = Charges(space)
    charges.add(size)
    charges.settle(unit)


def check_quota(space: Space, size: int) -> None:
    """Return if *space* may hold *size* plain bytes more.

    Raises:
        QuotaExceeded: it may not.
    """
    if space.quota_bytes is not None and size > 0 and space.used_bytes + size > space.quota_bytes:
        raise _exceeded(space, size)


def _exceeded(space: Space, size: int) -> QuotaExceeded:
    return QuotaExceeded(
        N_("The space holds {used} of {quota}; {needed} more do not fit."),
        fix=N_("What is in the trash counts too. Ask an administrator for a larger quota."),
        used=format_bytes(space.used_bytes),
        quota=format_bytes(space.quota_bytes or 0),
        needed=format_bytes(size),
    )
