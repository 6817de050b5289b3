"""Watching over long streams: a credential that is revoked, or a peer that stalls, cuts them."""

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

from cloudconnect.kernel.errors import Unauthenticated
from cloudconnect_web.admission import address_of, check_still_admitted
from cloudconnect_web.keys import APPLIANCE, TOKEN

_CHECK_SECONDS = 1.0
_STALL_CHECKS = 60


class Watch:
    """Cuts the connection of *request* when its credential no longer holds, or when nothing moves for a minute.

    Use it as ``with Watch(request) as watch`` around a stream, and tell it of each piece with ``watch.moved()``. What
    takes less than a second costs nothing but a timer. Where nothing has to move for the work to go on, it *may stand*.
    """

    def __init__(self, request: web.Request, *, may_stand: bool = False) -> None:
        self._request = request
        self._may_stand = may_stand
        self._has_moved = False
        self._still = 0
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def moved(self) -> None:
        """Note that a piece has gone through."""
        self._has_moved = True

    def check_connected(self, _size: int = 0) -> None:
        """Return if the peer is still there; work that is done for it alone calls this as it goes on.

        Raises:
            ConnectionResetError: it has left, or was cut off.
        """
        if self._request.transport is None or self._request.transport.is_closing():
            raise ConnectionResetError("the client has left")

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_CHECK_SECONDS, self._begin_check)

    def _begin_check(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._check())

    async def _check(self) -> None:
        self._still = 0 if self._has_moved else self._still + 1
        self._has_moved = False
        request = self._request
        try:
            await check_still_admitted(request.app[APPLIANCE], request.get(TOKEN, ""), address_of(request))
            is_over = self._still >= _STALL_CHECKS and not self._may_stand
        except Unauthenticated:
            is_over = True
        if is_over and request.transport is not None:
            request.transport.abort()
        else:
            self._wait()
