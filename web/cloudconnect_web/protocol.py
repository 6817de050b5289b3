"""The protocol of one connection: what cannot be read as HTTP is refused in the same words as all else."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_request import BaseRequest

from cloudconnect.wire.shape import Problem
from cloudconnect_web.crowd import TooManyAtOnce, Turnstile
from cloudconnect_web.headers import SECURITY_HEADERS
from cloudconnect_web.problems import status_of, title_of

_LINE_MAX = 8_190
_FIELD_MAX = _LINE_MAX + 1  # another number than that of lines: all that aiohttp says of which it was is the limit
_IDLE_SECONDS = 75.0
_HEAD_SECONDS = 10.0
_BACKLOG = 1_024  # so that a crowd at the door does not keep others from knocking


class Connection(web.RequestHandler):
    """aiohttp's connection with problem details for requests that never become one.

    A head that has begun to come has to be here after ten seconds, however slowly its bytes trickle in.
    """

    __slots__ = ("_head_deadline", "_head_seconds", "_place", "_turnstile")

    def __init__(
        self, *arguments: Any, turnstile: Turnstile | None = None, head_seconds: float = _HEAD_SECONDS, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._turnstile = turnstile
        self._place: str | None = None
        self._head_seconds = head_seconds
        self._head_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless the peer has as many connections as one address may have."""
        try:
            self._place = None if self._turnstile is None else self._turnstile.enter(transport)
        except TooManyAtOnce as refusal:
            self.force_close()
            _turn_away(transport, refusal)
        else:
            super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take what has come, and see that a head that has begun comes to its end."""
        super().data_received(data)
        if self._messages or self._current_request is not None:
            self._stop_waiting()
        elif self._head_deadline is None and data:
            self._head_deadline = asyncio.get_running_loop().call_later(self._head_seconds, self._cut_off)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget what was waited for."""
        self._stop_waiting()
        if self._turnstile is not None and self._place is not None:
            self._turnstile.leave(self._place)
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _cut_off(self) -> None:
        self._head_deadline = None
        if self.transport is not None:
            # Whoever sends so slowly reads slowly as well: an answer could wait in the buffer for as long.
            self.transport.abort()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what went wrong before any route was found; what was sent is never sent back."""
        del request, message
        if isinstance(exc, HttpProcessingError):
            status = exc.code
        if isinstance(exc, LineTooLong):
            status = 431 if _FIELD_MAX in exc.args else 414
        problem = _problem(f"http.{status}", status, title_of(status))
        response = web.Response(
            body=msgspec.json.encode(problem),
            status=status,
            headers=SECURITY_HEADERS | {"Server": "CloudConnect"},
            content_type="application/problem+json",
        )
        response.force_close()
        return response


def _problem(code: str, status: int, title: str, detail: str = "", **more: Any) -> Problem:
    """Return what is told of a connection on which no request was read."""
    return Problem(
        type=f"/docs/problems#{code}",
        title=title,
        status=status,
        detail=detail or title,
        code=code,
        instance="",
        request_id=secrets.token_hex(8),
        **more,
    )


def _turn_away(transport: asyncio.BaseTransport, refusal: TooManyAtOnce) -> None:
    """Say why, without waiting for a request, and close."""
    status = status_of(refusal)
    problem = _problem(refusal.code, status, refusal.title, str(refusal.detail), retryable=True, fix=str(refusal.fix))
    body = msgspec.json.encode(problem)
    fields = SECURITY_HEADERS | {
        "Server": "CloudConnect",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Retry-After": str(refusal.retry_after_seconds),
        "Connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    cast("asyncio.Transport", transport).write(
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode() + body
    )
    transport.close()


class Listeners:
    """The sockets that an application listens on."""

    def __init__(self, runner: web.AppRunner, turnstile: Turnstile | None = None) -> None:
        """Listen for the application of *runner*, and let in whom *turnstile* lets in, or everybody."""
        self._runner = runner
        self._turnstile = turnstile
        self._servers: list[asyncio.Server] = []

    async def add_tcp(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen on an address."""
        loop = asyncio.get_running_loop()
        patience = None if tls is None else _HEAD_SECONDS
        self._servers.append(
            await loop.create_server(
                self._connection(),
                host,
                port,
                ssl=tls,
                reuse_address=True,
                backlog=_BACKLOG,
                ssl_handshake_timeout=patience,
            )
        )

    async def add_unix(self, path: Path) -> None:
        """Listen on a Unix socket."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_unix_server(self._connection(), str(path)))

    def close(self) -> None:
        """Take no new connections."""
        for server in self._servers:
            server.close()

    def _connection(self) -> Callable[[], Connection]:
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner was not set up")
        loop = asyncio.get_running_loop()

        def connect() -> Connection:
            return Connection(
                server,
                turnstile=self._turnstile,
                loop=loop,
                keepalive_timeout=_IDLE_SECONDS,
                max_line_size=_LINE_MAX,
                max_field_size=_FIELD_MAX,
                auto_decompress=False,
                access_log=None,  # how aiohttp spells that there is none
                logger=logging.getLogger("cloudconnect.http"),
            )

        return connect
