"""Waking those who wait for the log to go on, without polling."""

import asyncio
from collections.abc import Collection


class Wake:
    """How far the log is, and a way to wait until it is further. Belongs to one event loop."""

    def __init__(self) -> None:
        self.position = 0
        self._first = 0
        self._latest: dict[str, int] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def begin(self, position: int) -> None:
        """Note that the log is at *position*; of which kinds the facts up to there are is not known."""
        self.position = self._first = position

    def advance(self, position: int, kinds: Collection[str]) -> None:
        """Note that the log has reached *position* with facts of *kinds*, and wake everybody."""
        self.position = max(self.position, position)
        self._latest.update(dict.fromkeys(kinds, self.position))
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait_beyond(self, position: int) -> int:
        """Return the position once it is greater than *position*."""
        while self.position <= position:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future
        return self.position

    def has_news(self, position: int, kinds: Collection[str] | None) -> bool:
        """Tell whether there may be a fact of *kinds*, or of any kind, behind *position*."""
        if kinds is None or position < self._first:
            return self.position > position
        return any(self._latest.get(kind, 0) > position for kind in kinds)
