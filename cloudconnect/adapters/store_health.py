"""The engine's health, as monitoring asks for it."""

import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from cloudconnect.storage.disk import Health


class LocalStoreHealth:
    """Tells the state of a store on a local disk (``ports.health.StoreHealth``)."""

    def __init__(
        self, home: Path, health: Health, damaged_packs: int, find_away: Callable[[], Collection[str]]
    ) -> None:
        self._home = home
        self._health = health
        self._damaged_packs = damaged_packs
        self._find_away = find_away

    @property
    def state(self) -> str:
        """``ok``, ``damaged`` when start-up found packs missing or changed, or ``read-only`` after a disk error."""
        if not self._health.is_writable:
            return "read-only"
        return "damaged" if self._damaged_packs else "ok"

    @property
    def away(self) -> list[str]:
        """The names of the backends that did not answer when they were last asked."""
        return sorted(self._find_away())

    def free_bytes(self) -> int:
        """Return how many bytes the disk of the store has left."""
        return shutil.disk_usage(self._home).free
