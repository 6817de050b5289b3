"""Where packs rest: list and add backends. Trying one out and moving packs are operations."""

import dataclasses

from cloudconnect.wire import backends as wire
from cloudconnect_web.operations import Call, Guard, Operation

_FACTS = ("directory", "endpoint", "bucket", "region", "prefix", "credentials_file")


async def find_backends(call: Call) -> list[wire.Backend]:
    """List every backend, the one of the settings first."""
    found = await call.appliance.backends.find_backends(call.principal)
    return [wire.Backend(**dataclasses.asdict(each)) for each in found]


async def add_backend(call: Call, body: wire.NewBackend) -> wire.Backend:
    """Add a backend, which is tried out first."""
    parameters = {name: text for name in _FACTS if (text := getattr(body, name))}
    if not body.path_style:
        parameters["path_style"] = "no"
    added = await call.appliance.backends.add_backend(call.principal, body.name, body.kind, parameters)
    return wire.Backend(**dataclasses.asdict(added))


async def remove_backend(call: Call, name: str) -> None:
    """Remove an added backend in which nothing lies."""
    await call.appliance.backends.remove_backend(call.principal, name)


OPERATIONS = [
    Operation(method="GET", path="/storage/backends", guard=Guard.ADMIN, handler=find_backends),
    Operation(method="POST", path="/storage/backends", guard=Guard.ADMIN, handler=add_backend, status=201),
    Operation(method="DELETE", path="/storage/backends/{name}", guard=Guard.ADMIN, handler=remove_backend, status=204),
]
