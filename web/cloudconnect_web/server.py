"""Building and starting the HTTP face."""

import ssl
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from cloudconnect.assembly import Appliance, Settings
from cloudconnect_web import crowd, middleware, openapi, sealed, static
from cloudconnect_web.address import parse_listen
from cloudconnect_web.api import (
    accounting,
    auth,
    backends,
    backup,
    brake,
    damage,
    developer,
    encryption,
    files,
    history,
    locks,
    metadata,
    monitoring,
    operations,
    parked,
    past,
    retention,
    sessions,
    spaces,
)
from cloudconnect_web.content import leave_expectation
from cloudconnect_web.dav import ROUTES
from cloudconnect_web.keys import APPLIANCE
from cloudconnect_web.operations import PREFIX, Guard, Operation, to_route
from cloudconnect_web.pages import PAGES
from cloudconnect_web.protocol import Listeners
from cloudconnect_web.uploads import draft, tus

_GRACE_SECONDS = 10.0

OPERATIONS: list[Operation] = [
    *auth.OPERATIONS,
    *sessions.OPERATIONS,
    *developer.OPERATIONS,
    *spaces.OPERATIONS,
    *files.OPERATIONS,
    *history.OPERATIONS,
    *past.OPERATIONS,
    *metadata.OPERATIONS,
    *accounting.OPERATIONS,
    *damage.OPERATIONS,
    *locks.OPERATIONS,
    *monitoring.OPERATIONS,
    *backup.OPERATIONS,
    *brake.OPERATIONS,
    *operations.OPERATIONS,
    *parked.OPERATIONS,
    *retention.OPERATIONS,
    *backends.OPERATIONS,
    *encryption.OPERATIONS,
    *tus.OPERATIONS,
    *draft.OPERATIONS,
]


class UnguardedRoute(Exception):
    """A route was added without saying who may use it; the daemon does not start."""


def create_app(appliance: Appliance, crowded: Callable[[], None] = lambda: None) -> web.Application:
    """Return the application that serves *appliance*; *crowded* is called when an address has too much under way.

    Raises:
        UnguardedRoute: some route has no guard.
    """
    guards: dict[str, Guard] = {operation.name: operation.guard for operation in OPERATIONS}
    secret = frozenset(operation.name for operation in OPERATIONS if operation.answers_secret)
    app = web.Application(
        middlewares=middleware.build(appliance.settings, appliance.monitoring.registry, guards, secret, crowded)
    )
    app[APPLIANCE] = appliance
    for operation in OPERATIONS:
        resource = app.router.add_resource(PREFIX + operation.path, name=operation.name)
        for method in (operation.method, "HEAD") if operation.method == "GET" else (operation.method,):
            resource.add_route(method, to_route(operation), expect_handler=leave_expectation)
    for page in PAGES:
        for name, path in page.routes.items():
            guards[name] = page.guard
            resource = app.router.add_resource(path, name=name)
            for method in (page.method, "HEAD") if page.method == "GET" else (page.method,):
                resource.add_route(method, page.handler, expect_handler=leave_expectation)
    for route in ROUTES:
        guards[route.name] = route.guard
        resource = app.router.add_resource(route.path, name=route.name)
        for method in route.methods:
            resource.add_route(method, route.handler, expect_handler=leave_expectation)
    guards["static"] = Guard.OPEN
    app.router.add_get("/static/{name}", static.send, name="static", expect_handler=leave_expectation)
    document = msgspec.json.encode(openapi.describe(OPERATIONS, appliance.version))

    async def openapi_document(request: web.Request) -> web.Response:
        del request
        return web.Response(body=document, content_type="application/json")

    for path, handler in (
        (f"{PREFIX}/openapi.json", openapi_document),
        ("/livez", monitoring.livez),
        ("/readyz", monitoring.readyz),
        ("/metrics", monitoring.metrics),
    ):
        name = handler.__name__
        guards[name] = Guard.ADMIN if handler is monitoring.metrics else Guard.OPEN
        app.router.add_get(path, handler, name=name, expect_handler=leave_expectation)
    check_guards(app, guards)
    return app


def check_guards(app: web.Application, guards: dict[str, Guard]) -> None:
    """Return if every route of *app* has a guard.

    Raises:
        UnguardedRoute: naming one that has none.
    """
    for route in app.router.routes():
        if route.name not in guards:
            raise UnguardedRoute(f"{route.method} {route.resource}")


async def start(appliance: Appliance) -> Callable[[], Awaitable[None]]:
    """Start to listen on the address of the settings and on the Unix socket; return what stops it.

    Raises:
        UnsafeListen: the address lies beyond this machine and there is no TLS.
    """
    crowded = crowd.refusals(appliance.monitoring.registry)
    return await _listen(appliance.settings, create_app(appliance, crowded), crowded)


async def start_sealed(settings: Settings) -> Callable[[], Awaitable[None]]:
    """Listen where :func:`start` does, and answer that the store is sealed; return what stops it.

    Raises:
        UnsafeListen: the address lies beyond this machine and there is no TLS.
    """
    return await _listen(settings, sealed.create_app(), lambda: None)


async def _listen(
    settings: Settings, app: web.Application, crowded: Callable[[], None]
) -> Callable[[], Awaitable[None]]:
    """Listen for *app*; what stops it takes no new connections and gives running requests ten seconds."""
    host, port = parse_listen(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    listeners = Listeners(runner, crowd.Turnstile(settings, crowded))
    settings.socket.parent.mkdir(mode=0o700, exist_ok=True)
    settings.socket.unlink(missing_ok=True)
    await listeners.add_unix(settings.socket)
    settings.socket.chmod(0o600)
    # Last: whoever sees the address answer may rely on the socket too.
    await listeners.add_tcp(host, port, _tls(settings))

    async def stop() -> None:
        listeners.close()
        await runner.cleanup()

    return stop


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.server.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.server.tls_certificate, settings.server.tls_key or None)
    return context
