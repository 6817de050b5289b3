"""Backups: which there are. They are made and verified as operations."""

import dataclasses
from typing import Annotated

import msgspec

from cloudconnect.wire import backup as wire
from cloudconnect_web.operations import Call, Guard, Operation

PlacePath = Annotated[str, msgspec.Meta(max_length=4_096, description="The directory on the server.")]


async def find_backups(call: Call, place: PlacePath) -> list[wire.Backup]:
    """List the backups in a directory of the server, oldest first."""
    found = await call.appliance.backup.find_backups(call.principal, place)
    return [wire.Backup(**dataclasses.asdict(each)) for each in found]


OPERATIONS = [Operation(method="GET", path="/backups", guard=Guard.ADMIN, handler=find_backups)]
