"""The protocol of one connection: what cannot be read as HTTP is refused in the same words as all else."""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_request import BaseRequest

from cloudconnect.wire.shape import Problem
from cloudconnect_web.middleware import SECURITY_HEADERS
from cloudconnect_web.problems import title_of

_LINE_MAX = 8_190
_IDLE_SECONDS = 75.0


class Connection(web.RequestHandler):
    """aiohttp's connection with problem details for requests that never become one."""

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what went wrong before any route was found; what was sent is never sent back."""
        del request, message
        if isinstance(exc, HttpProcessingError):
            status = exc.code
        if isinstance(exc, LineTooLong):
            status = 431 if "header" in str(exc).lower() else 414
        problem = Problem(
            type=f"/docs/problems#http.{status}",
            title=title_of(status),
            status=status,
            detail=title_of(status),
            code=f"http.{status}",
            instance="",
            request_id=secrets.token_hex(8),
        )
        response = web.Response(
            body=msgspec.json.encode(problem),
            status=status,
            headers=SECURITY_HEADERS | {"Server": "CloudConnect"},
            content_type="application/problem+json",
        )
        response.force_close()
        return response


class Listeners:
    """The sockets that an application listens on."""

    def __init__(self, runner: web.AppRunner) -> None:
        self._runner = runner
        self._servers: list[asyncio.Server] = []

    async def add_tcp(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen on an address."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(self._connection(), host, port, ssl=tls, reuse_address=True))

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
                loop=loop,
                keepalive_timeout=_IDLE_SECONDS,
                max_line_size=_LINE_MAX,
                max_field_size=_LINE_MAX,
                auto_decompress=False,
                access_log=None,  # type: ignore[arg-type]  # how aiohttp spells that there is none
                logger=logging.getLogger("cloudconnect.http"),
            )

        return connect
