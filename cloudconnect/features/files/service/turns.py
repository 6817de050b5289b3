"""Who works on an upload: one request at a time, and a later one may end the one that does."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from cloudconnect.features.files.errors import UploadBusy
from cloudconnect.kernel.text import N_

_PATIENCE_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class _Turn:
    interrupt: Callable[[], None]
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """The uploads that are worked on now."""

    def __init__(self) -> None:
        self._held: dict[str, _Turn] = {}

    @contextmanager
    def take(self, upload: str, interrupt: Callable[[], None]) -> Iterator[None]:
        """Work on *upload*; *interrupt* makes the one who does so come to an end soon.

        Raises:
            UploadBusy: another request does.
        """
        if upload in self._held:
            raise busy()
        turn = self._held[upload] = _Turn(interrupt)
        try:
            yield
        finally:
            del self._held[upload]
            turn.is_over.set()

    async def end(self, upload: str) -> None:
        """Make whoever works on *upload* come to an end, and return once nobody does.

        Raises:
            UploadBusy: it takes longer than ten seconds.
        """
        turn = self._held.get(upload)
        if turn is None:
            return
        turn.interrupt()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await turn.is_over.wait()
        except TimeoutError as error:
            raise busy() from error


def busy() -> UploadBusy:
    """Return the refusal of a second one at the same upload."""
    return UploadBusy(fix=N_("Wait until it has ended, and ask how far it came."), retry_after_seconds=_RETRY_SECONDS)
