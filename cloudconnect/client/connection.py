"""One connection pool to an appliance: requests out, shapes or refusals back."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import quote as percent_encode

import msgspec

from cloudconnect.client.target import Target
from cloudconnect.kernel import errors
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.wire.shape import PageAnswer, Problem

if TYPE_CHECKING:
    import aiohttp

Shape = TypeVar("Shape")
Body = bytes | io.BytesIO | AsyncIterator[bytes] | None

PREFIX = "/api/v1"
_PAUSES_SECONDS = (0.1, 0.2, 0.5, 1, 2, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5)
"""How long to wait before each repetition: about a minute in all, enough for a daemon to restart."""

_LONGEST_PAUSE_SECONDS = 30
_FROM_PROXIES = frozenset({502, 503, 504})
"""What a proxy answers when it gets no answer itself."""

_IDLE_SECONDS = 120
_CONNECTIONS = 64
_KINDS: dict[int, type[CloudConnectError]] = {
    400: errors.Invalid,
    401: errors.Unauthenticated,
    403: errors.Denied,
    404: errors.NotFound,
    409: errors.Conflict,
    423: errors.Locked,
    412: errors.PreconditionFailed,
    413: errors.TooLarge,
    422: errors.Invalid,
    428: errors.PreconditionRequired,
    429: errors.Exhausted,
    502: errors.Damaged,
    503: errors.Unavailable,
    507: errors.NoSpace,
}


class Unreachable(errors.Unavailable):
    """Nobody answers at the target."""

    code = "client.unreachable"
    title = N_("CloudConnect does not answer")


class Client:
    """Speaks to one appliance. Use it as ``async with Client(target) as client``."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session: aiohttp.ClientSession | None = None
        self._base = target.url or "http://localhost"
        self._has_answered = False

    @property
    def place(self) -> str:
        """The address or socket at which the appliance answers."""
        return self._target.url or str(self._target.socket)

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        import aiohttp  # noqa: PLC0415 - 200 ms that no help text has to pay

        connector: aiohttp.BaseConnector
        if self._target.socket is not None:
            connector = aiohttp.UnixConnector(str(self._target.socket), limit=_CONNECTIONS)
        else:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"Authorization": f"Bearer {self._target.token}"} if self._target.token else {},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_IDLE_SECONDS),
            auto_decompress=False,
            read_bufsize=1 << 20,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        answer: type[Shape],
        *,
        body: msgspec.Struct | None = None,
        query: Mapping[str, str | int | bool | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Shape:
        """Send a request and return its answer.

        A GET is repeated, with pauses, while the appliance is busy or, once it has answered before, away for a moment.

        Raises:
            CloudConnectError: of the kind, code and words with which the appliance refused.
            Unreachable: nobody answers.
        """
        data = None if body is None else msgspec.json.encode(body)
        fields = dict(headers or {}) | ({} if body is None else {"Content-Type": "application/json"})
        later, content = Pauses(), b""
        while True:
            try:
                async with self.send(method, path, data=data, query=query, headers=fields) as response:
                    content = await response.read()
                break
            except CloudConnectError as refusal:
                never_answered = isinstance(refusal, Unreachable) and not self._has_answered
                if method != "GET" or never_answered or not await later.wait(refusal):
                    raise
        if answer is type(None) or not content:
            return None  # type: ignore[return-value]  # the caller asked for None
        return msgspec.json.decode(content, type=answer)

    async def post_packed(self, path: str, answer: type[Shape], body: object) -> Shape:
        """Send *body* as MessagePack, unless it is bytes and thus packed already, and return the answer.

        Raises:
            CloudConnectError: of the kind, code and words with which the appliance refused.
            Unreachable: nobody answers.
        """
        headers = {"Content-Type": "application/msgpack"}
        data = body if isinstance(body, bytes) else msgspec.msgpack.encode(body)
        # From a file aiohttp sends piece by piece; bytes it would copy at once.
        async with self.send("POST", path, data=io.BytesIO(data), headers=headers) as response:
            content = await response.read()
        return msgspec.json.decode(content, type=answer)

    async def list(
        self, path: str, item: type[Shape], *, query: Mapping[str, str | int | bool | None] | None = None
    ) -> AsyncIterator[Shape]:
        """Yield every item of a list, page after page."""
        cursor: str | None = None
        while True:
            page = await self.ask(
                "GET",
                path,
                PageAnswer[item],  # type: ignore[valid-type]  # a parameter at run time
                query={"limit": 1000, **(query or {}), "cursor": cursor},
            )
            for each in page.data:
                yield each
            cursor = page.next_cursor
            if cursor is None:
                return

    @asynccontextmanager
    async def send(
        self,
        method: str,
        path: str,
        *,
        data: Body = None,
        query: Mapping[str, str | int | bool | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator["aiohttp.ClientResponse"]:
        """Send one request and yield its response, whose body is not read yet.

        Raises:
            CloudConnectError: of the kind, code and words with which the appliance refused.
            Unreachable: nobody answers.
        """
        import aiohttp  # noqa: PLC0415 - see above
        from yarl import URL  # noqa: PLC0415 - comes with it

        if self._session is None:
            raise RuntimeError("the client is not open")
        texts = {name: _text(value) for name, value in (query or {}).items() if value is not None}
        url = URL(self._base + PREFIX + path, encoded=True).with_query(texts or None)
        try:
            async with self._session.request(method, url, data=data, headers=headers) as response:
                self._has_answered = True
                if response.status >= 400:  # noqa: PLR2004 - where refusals begin
                    raise _refusal(response.status, await response.read(), response.headers.get("Retry-After"))
                yield response
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionResetError) as error:
            # A broken pipe is not among them: it is the caller's own output that nobody reads.
            raise Unreachable(
                N_("Nobody answers at {place}."),
                fix=N_("Start the daemon: cloudconnect up"),
                place=self.place,
            ) from error


class Pauses:
    """Ever longer pauses, for about a minute in all, between attempts at one request."""

    def __init__(self) -> None:
        self._left = iter(_PAUSES_SECONDS)

    async def wait(self, refusal: CloudConnectError) -> bool:
        """Wait as long as *refusal* asks for, or a little; return False if another attempt would not help."""
        asked = refusal.retry_after_seconds
        if not isinstance(refusal, Unreachable) and (asked is None or asked > _LONGEST_PAUSE_SECONDS):
            return False
        pause = next(self._left, None)
        if pause is None:
            return False
        await asyncio.sleep(max(pause, asked or 0))
        return True


def encode_path(path: str) -> str:
    """Return *path* for a URL, without the slashes at its ends."""
    return percent_encode(path.strip("/"), safe="/")


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refusal(status: int, body: bytes, retry_after: str | None) -> CloudConnectError:
    kind = _KINDS.get(status, errors.Unavailable if status >= 500 else errors.Invalid)  # noqa: PLR2004 - classes of statuses
    seconds = int(retry_after) if retry_after and retry_after.isdigit() else None
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        if status in _FROM_PROXIES:
            return Unreachable(
                N_("Nobody answers behind the proxy, which says {status}."),
                fix=N_("Start the daemon: cloudconnect up"),
                retry_after_seconds=seconds,
                status=status,
            )
        return kind(N_("The server answered with status {status}."), retry_after_seconds=seconds, status=status)
    detail = "; ".join([problem.detail, *(f"{each.pointer}: {each.detail}" for each in problem.errors)])
    refusal = kind(detail, fix=problem.fix or "", retry_after_seconds=seconds)
    refusal.__dict__["code"] = problem.code
    return refusal
