"""Completion of paths in a space: quick, and silent when nobody answers."""

import http.client
import json
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote, urlsplit

import typer

from cloudconnect.client.connection import PREFIX
from cloudconnect.client.target import Target, choose_target
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect_cli.commands.running import environment, local_socket
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import parse_place

_PATIENCE_SECONDS = 0.5
_MOST = 1_000


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket of this machine's daemon."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def remote_paths(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the paths that begin with *incomplete*; none when the appliance does not answer at once."""
    folder, separator, begin = incomplete.rpartition("/")
    try:
        environ = environment()
        context = str(ctx.find_root().params.get("context") or "")
        names = _children(choose_target(environ, context, local_socket(environ)), folder + separator)
    except (CloudConnectError, OSError, http.client.HTTPException, ValueError, KeyError):
        return []
    return [folder + separator + name for name in names if name.startswith(begin)]


def later_remote_paths(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the paths that begin with *incomplete*, where a local source stands before them."""
    return remote_paths(ctx, incomplete) if ctx.params.get("paths") else []


def _children(target: Target, folder: str) -> list[str]:
    """Return the names in *folder*, those of folders with a slash.

    This is not the client of the other commands because loading that takes longer than a finger waits for a tab.
    """
    headers: Mapping[str, str] = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    connection = _connection(target)
    try:
        base = quote(urlsplit(target.url).path.rstrip("/"))
        connection.request(
            "GET", f"{base}{PREFIX}{parse_place(folder).url('children')}?limit={_MOST}", headers=dict(headers)
        )
        response = connection.getresponse()
        if response.status != HTTPStatus.OK:
            return []
        entries = json.loads(response.read())["data"]
    finally:
        connection.close()
    return [each["name"] + ("/" if each["kind"] == "folder" else "") for each in entries]


def _connection(target: Target) -> http.client.HTTPConnection:
    if target.socket is not None:
        return _SocketConnection(str(target.socket))
    parts = urlsplit(target.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.netloc, timeout=_PATIENCE_SECONDS)


RemotePath = Annotated[
    str,
    typer.Argument(help=_("A path, such as /Documents; SPACE:/path in another space."), autocompletion=remote_paths),
]
