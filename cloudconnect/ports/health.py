"""What the appliance's parts tell of their own health."""

from typing import Protocol


class StoreHealth(Protocol):
    """Answered by the engine."""

    @property
    def state(self) -> str:
        """``ok``, or a word for what is wrong, such as ``read-only`` or ``full``."""
        ...

    @property
    def away(self) -> list[str]:
        """The names of the places for packs that do not answer, in order."""
        ...

    def free_bytes(self) -> int:
        """Return how many bytes the disk of the store has left."""
        ...
