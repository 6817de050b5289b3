"""What every request passes once, from the outside in.

``forwarded`` → ``request_id`` → ``headers`` → ``problems`` → ``crowded`` → ``limits`` → ``sign_in``, which also admits
→ ``idempotency`` → the route.
"""

import functools
import hashlib
import ipaddress
import itertools
import re
import secrets
import socket
import traceback
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_to_bytes, urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, Counter, Histogram

from cloudconnect.assembly import Settings
from cloudconnect.kernel.clock import monotonic
from cloudconnect.kernel.errors import CloudConnectError, Conflict, NotFound
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect_web.admission import admit, identify, identify_by_basic, is_dav
from cloudconnect_web.crowd import Crowd, trusting
from cloudconnect_web.headers import add_headers
from cloudconnect_web.i18n import choose_language
from cloudconnect_web.keys import ADDRESS, APPLIANCE, LANGUAGE, PRINCIPAL, REQUEST_ID, ROUTE, SCHEME
from cloudconnect_web.operations import PREFIX, Guard, read_body
from cloudconnect_web.pages.page import is_page, prefers_page, refuse_page
from cloudconnect_web.problems import BadRequest, refuse, refuse_status, title_of

log = structlog.get_logger()

Route = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS_MAX_BYTES = 32 << 10
HEADERS_MAX_COUNT = 100
URL_MAX_BYTES = 8 << 10

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_REMEMBERED_HEADERS = ("Content-Type", "ETag", "Location")


class SecretNotKept(Conflict):
    """The first answer held a secret, which is shown once and kept nowhere."""

    code = "web.secret-not-kept"
    title = N_("The answer held a secret and was not kept")


def build(
    settings: Settings,
    registry: CollectorRegistry,
    guards: dict[str, Guard],
    secret: frozenset[str],
    crowded: Callable[[], None],
) -> list[Middleware]:
    """Return the chain, outermost first.

    *guards* says by route name what each route asks for; the answers of *secret* routes are never kept; *crowded* is
    called for each request that is refused because its address has many under way.
    """
    return [
        _forwarded(settings),
        _request_id(registry),
        _headers,
        _problems,
        _crowded(Crowd(settings.server.connections_per_address, crowded)),
        _limits(settings),
        _sign_in(guards),
        _idempotency(secret),
    ]


def _forwarded(settings: Settings) -> Middleware:
    """Believe a proxy that is trusted what it says of the reader, and nobody else (SECURITY G20).

    Of X-Forwarded-For the last address counts that is not a trusted proxy's own: whatever stands before it, the reader
    may have written.
    """
    is_trusted = trusting(settings)

    @web.middleware
    async def forwarded(request: web.Request, handler: Route) -> web.StreamResponse:
        if is_trusted(request.remote or ""):
            hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
            reader = next((hop for hop in reversed(hops) if not is_trusted(hop)), "")
            request[ADDRESS] = reader[:45] if _is_address(reader) else request.remote or ""
            request[SCHEME] = "https" if request.headers.get("X-Forwarded-Proto", "").lower() == "https" else "http"
        return await handler(request)

    return forwarded


def _request_id(registry: CollectorRegistry) -> Middleware:
    count = Counter(
        "http_requests", "Requests by route, method and status", ("route", "method", "status"), registry=registry
    )
    spent = Histogram("http_request_seconds", "Seconds until the answer was sent", ("route",), registry=registry)

    @functools.cache
    def counted(route: str, method: str, status: int) -> Counter:
        return count.labels(route, method, str(status))

    @functools.cache
    def timed(route: str) -> Histogram:
        return spent.labels(route)

    # Numbers of one start of the daemon: asking the system for chance each time would give away the interpreter lock.
    start, numbers = secrets.token_hex(4), itertools.count(1)

    @web.middleware
    async def request_id(request: web.Request, handler: Route) -> web.StreamResponse:
        given = request.headers.get("X-Request-Id", "")
        request[REQUEST_ID] = given if _REQUEST_ID.fullmatch(given) else f"{start}{next(numbers):08x}"
        request[LANGUAGE] = choose_language(request.headers.get("Accept-Language", ""))
        request[ROUTE] = request.match_info.route.name or "unknown"
        started = monotonic()
        answer = await handler(request)
        seconds = monotonic() - started
        counted(request[ROUTE], request.method, answer.status).inc()
        timed(request[ROUTE]).observe(seconds)
        log.debug(
            "http.request",
            route=request[ROUTE],
            method=request.method,
            status=answer.status,
            ms=round(seconds * 1000, 1),
            request_id=request[REQUEST_ID],
        )
        return answer

    return request_id


@web.middleware
async def _headers(request: web.Request, handler: Route) -> web.StreamResponse:
    answer = await handler(request)
    if not answer.prepared:
        add_headers(request, answer)
    return answer


@web.middleware
async def _problems(request: web.Request, handler: Route) -> web.StreamResponse:
    try:
        return await handler(request)
    except CloudConnectError as refusal:
        return refuse_page(request, refusal) if is_page(request.get(ROUTE, "")) else refuse(request, refusal)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - redirections are answers
            raise
        # The route that leads nowhere keeps the error, and the error the frames that hold the request and its route.
        error.__traceback__ = None
        return _refuse_http(request, error)
    except (ConnectionResetError, TimeoutError) as error:
        # The reader has gone; there is nobody to answer and nothing is wrong here. The body of the request keeps the
        # error, and the error the frames in which megabytes of that body lie: a circle that only gc would break.
        traceback.clear_frames(error.__traceback__)
        return refuse_status(request, 408)
    except Exception:
        # Whatever a bug raises, the reader gets an answer without its details, and the log gets them once.
        log.exception("http.failed", route=request.get(ROUTE, ""), request_id=request.get(REQUEST_ID, ""))
        return _refuse_http(request, web.HTTPInternalServerError())


def _refuse_http(request: web.Request, error: web.HTTPException) -> web.Response:
    """Return what aiohttp refuses, as a page for people and as a problem for programs."""
    if prefers_page(request):
        if error.status == 404:  # noqa: PLR2004 - the status says it best
            return refuse_page(request, NotFound(N_("There is nothing at this address.")))
        return refuse_page(request, BadRequest(title_of(error.status)), status=error.status)
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return refuse_status(request, error.status, headers)


def _crowded(crowd: Crowd) -> Middleware:
    """Refuse a reader behind a trusted proxy who has many requests under way; the proxy's own connections are free."""

    @web.middleware
    async def crowded(request: web.Request, handler: Route) -> web.StreamResponse:
        if ADDRESS not in request:
            return await handler(request)
        place = crowd.enter(request[ADDRESS])
        try:
            return await handler(request)
        finally:
            crowd.leave(place)

    return crowded


def _limits(settings: Settings) -> Middleware:
    is_allowed = _host_check(settings)

    @web.middleware
    async def limits(request: web.Request, handler: Route) -> web.StreamResponse:
        size = sum(len(name) + len(value) for name, value in request.raw_headers)
        broken = (
            (431, size > HEADERS_MAX_BYTES or len(request.raw_headers) > HEADERS_MAX_COUNT),
            (414, len(request.raw_path) > URL_MAX_BYTES),
            (400, not _is_readable(request.rel_url.raw_path) or "%00" in request.rel_url.raw_query_string),
            (421, not is_allowed(request)),
            (415, request.headers.get("Content-Encoding", "identity") != "identity"),
            (400, "Transfer-Encoding" in request.headers and "Content-Length" in request.headers),
        )
        status = next((status for status, is_broken in broken if is_broken), None)
        return await handler(request) if status is None else refuse_status(request, status)

    return limits


def _host_check(settings: Settings) -> Callable[[web.Request], bool]:
    """Return a check of the Host field: without it, a page elsewhere could reach this server by a name it controls."""
    listen = settings.server.listen.rpartition(":")[0].strip("[]")
    named = {name.lower() for name in settings.server.allowed_hosts}
    if not named:
        public = urlsplit(settings.server.public_url).hostname
        named = {"localhost", listen, socket.gethostname().lower()} | ({public} if public else set())

    @functools.lru_cache(maxsize=256)
    def is_ours(field: str) -> bool:
        try:
            host = urlsplit(f"//{field}").hostname or ""
        except ValueError:
            return False
        return host in named or (not settings.server.allowed_hosts and _is_address(host))

    def is_allowed(request: web.Request) -> bool:
        if request.transport is not None and request.transport.get_extra_info("peername") in {None, ""}:
            return True
        return is_ours(request.host[:300])

    return is_allowed


def _is_readable(raw_path: str) -> bool:
    """Tell whether percent signs stand before two digits each and the whole is UTF-8 without NUL, as names are."""
    if "%" not in raw_path:
        return raw_path.isascii()
    if _BAD_PERCENT.search(raw_path):
        return False
    try:
        return "\0" not in unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _sign_in(guards: dict[str, Guard]) -> Middleware:
    @web.middleware
    async def sign_in(request: web.Request, handler: Route) -> web.StreamResponse:
        if request.match_info.http_exception is not None:
            return await handler(request)
        guard = guards[request[ROUTE]]
        principal: Principal | None = None
        if guard is not Guard.OPEN:
            principal = await (identify_by_basic if is_dav(request[ROUTE]) else identify)(request)
            admit(principal, guard)
        if principal is not None:
            request[PRINCIPAL] = principal
        return await handler(request)

    return sign_in


def _idempotency(secret: frozenset[str]) -> Middleware:
    """Answer a repeated POST or PATCH with what the first one got (draft-ietf-httpapi-idempotency-key-header)."""

    @web.middleware
    async def idempotency(request: web.Request, handler: Route) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key")
        principal = request.get(PRINCIPAL)
        if (
            key is None
            or principal is None
            or request.method not in {"POST", "PATCH"}
            or not request.path.startswith(PREFIX)
        ):
            return await handler(request)
        if _KEY.fullmatch(key) is None:
            raise BadRequest(N_("An idempotency key has 1 to 255 visible characters."), fix=N_("Use a UUID."))
        body = await read_body(request) if request.can_read_body else b""
        request._read_bytes = body  # noqa: SLF001 - aiohttp's own place for a body that was read already
        fingerprint = hashlib.sha256(f"{request.method} {request.raw_path}\n".encode() + body).digest()
        gateway = request.app[APPLIANCE].gateway
        known = await gateway.recall(principal, key, fingerprint)
        if known is not None and request[ROUTE] in secret:
            raise SecretNotKept(fix=N_("Revoke what the first request made and use a fresh key."))
        if known is not None:
            return web.Response(
                body=known.body, status=known.status, headers={**known.headers, "Idempotent-Replay": "true"}
            )
        try:
            answer = await handler(request)
        except BaseException:
            gateway.forget(principal, key)
            raise
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes) and answer.status < 500:  # noqa: PLR2004 - classes
            kept = {name: answer.headers[name] for name in _REMEMBERED_HEADERS if name in answer.headers}
            kept_body = b"" if request[ROUTE] in secret else answer.body
            await gateway.remember(principal, key, fingerprint, answer.status, kept, kept_body)
        else:
            gateway.forget(principal, key)
        return answer

    return idempotency
