"""Who was let write into which folder a moment ago, and so need not be asked again before a small file is taken."""

from typing import Final

from cloudconnect.kernel.clock import monotonic
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import Principal

SMALL_BYTES: Final = 64 << 10
"""How much may be taken from whoever is trusted, before it is decided whether it stays."""

_SECONDS: Final = 1.0
_MOST: Final = 1_024

_Folder = tuple[Principal, SpaceId, tuple[str, ...]]


class Trust:
    """Remembers for a second what was decided.

    Only looking before a body is taken may rely on it: the unit that adds the file decides anew in any case, so whoever
    was shut out meanwhile leaves at most one small body behind, which gc takes.
    """

    def __init__(self) -> None:
        self._until: dict[_Folder, float] = {}

    def has(self, principal: Principal, space: SpaceId, names: tuple[str, ...], size: int | None) -> bool:
        """Tell whether *principal* may send *size* bytes for the path *names* without being looked at first."""
        if size is None or size > SMALL_BYTES:
            return False
        return self._until.get((principal, space, names[:-1]), 0.0) > monotonic()

    def gain(self, principal: Principal, space: SpaceId, names: tuple[str, ...]) -> None:
        """Note that *principal* has just written the file *names*."""
        if len(self._until) >= _MOST:
            self._until.clear()
        self._until[principal, space, names[:-1]] = monotonic() + _SECONDS

    def lose(self, principal: Principal, space: SpaceId, names: tuple[str, ...]) -> None:
        """Note that *principal* was refused to write the file *names*."""
        self._until.pop((principal, space, names[:-1]), None)
