"""Waking those who wait for the log to go on, without polling."""

import asyncio


class Wake:
    """How far the log is, and a way to wait until it is further. Belongs to one event loop."""

    def __init__(self) -> None:
        self.position = 0
        self._waiting: list[asyncio.Future[None]] = []

    def advance(self, position: int) -> None:
        """Note that the log has reached *position* and wake everybody."""
        self.position = max(self.position, position)
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
