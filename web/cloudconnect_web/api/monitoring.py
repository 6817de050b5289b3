"""Health, status and metrics."""

import dataclasses

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cloudconnect.wire.shape import Health, Status
from cloudconnect_web.keys import APPLIANCE
from cloudconnect_web.operations import Call, Guard, Operation


async def get_status(call: Call) -> Status:
    """Return how the appliance fares, for its administrator."""
    return Status(**dataclasses.asdict(await call.appliance.monitoring.status(call.principal)))


async def livez(request: web.Request) -> web.Response:
    """Answer as long as the process can."""
    del request
    return _health(Health("ok"))


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 when requests can be served, 503 with the reasons when not."""
    checks = await request.app[APPLIANCE].monitoring.is_ready()
    is_ready = checks["database"] == "ok"
    return _health(Health("ok" if is_ready else "unavailable", checks), 200 if is_ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics in the text format of Prometheus."""
    body = generate_latest(request.app[APPLIANCE].monitoring.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _health(health: Health, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(health), status=status, content_type="application/json")


OPERATIONS = [Operation(method="GET", path="/status", guard=Guard.ADMIN, handler=get_status)]
