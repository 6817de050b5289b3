"""Work on bytes from strangers, done where it can neither crash the daemon nor starve it."""

from dataclasses import dataclass
from typing import Any, Protocol

from cloudconnect.kernel.errors import TooLarge, Unavailable
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import MIB


class WorkTooLarge(TooLarge):
    """The work asked for more memory, or for larger files, than it may have."""

    code = "worker.too-large"
    title = N_("This takes more memory than it may")


class WorkTooLong(TooLarge):
    """The work took longer than it may, or more of the processor's time."""

    code = "worker.too-long"
    title = N_("This takes longer than it may")


class WorkFailed(Unavailable):
    """The work ended without an answer."""

    code = "worker.failed"
    title = N_("This could not be worked out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one piece of work may take. ``memory_bytes`` counts address space, which includes Python's own 30 MiB.

    ``seconds`` are those on the wall; ``cpu_seconds`` those of the processor, in whole seconds.
    """

    memory_bytes: int = 512 * MIB
    cpu_seconds: int = 30
    seconds: float = 60.0
    file_bytes: int = 64 * MIB
    open_files: int = 64
    answer_bytes: int = 8 * MIB


class Worker(Protocol):
    """Runs work by name; what each name stands for is said in the floor plan."""

    async def run(self, name: str, request: Any, limits: Limits) -> Any:
        """Return the answer of the work *name* to *request*; both are values that JSON can hold.

        Raises:
            WorkTooLarge: it asked for more memory, file size or answer than *limits* allow.
            WorkTooLong: it took longer than *limits* allow.
            WorkFailed: it ended without an answer.
        """
        ...
