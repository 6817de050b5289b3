"""The engine's health, as monitoring asks for it."""

import shutil
from pathlib import Path

from cloudconnect.storage.disk import Health


class LocalStoreHealth:
    """Tells the state of a store on a local disk (``ports.health.StoreHealth``)."""

    def __init__(self, home: Path, health: Health, damaged_packs: int) -> None:
        self._home = home
        self._health = health
        self._damaged_packs = damaged_packs

    @property
    def state(self) -> str:
        """``ok``, ``damaged`` when start-up found packs missing or changed, or ``read-only`` after a disk error."""
        if not self._health.is_writable:
            return "read-only"
        return "damaged" if self._damaged_packs else "ok"

    def free_bytes(self) -> int:
        """Return how many bytes the disk of the store has left."""
        return shutil.disk_usage(self._home).free
