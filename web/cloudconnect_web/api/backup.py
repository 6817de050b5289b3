"""Backups: which there are, where they go and when. They are made, verified and restored as operations."""

import dataclasses
from typing import Annotated

import msgspec

from cloudconnect.features.backup import Keep, PlaceFacts
from cloudconnect.wire import backup as wire
from cloudconnect_web.operations import Call, Guard, Operation

PlaceName = Annotated[str, msgspec.Meta(max_length=4_096, description="A directory of the server, or a place's name.")]


async def find_backups(call: Call, place: PlaceName) -> list[wire.Backup]:
    """List the backups in a place, oldest first."""
    found = await call.appliance.backup.find_backups(call.principal, place)
    return [wire.Backup(**dataclasses.asdict(each)) for each in found]


async def find_backup_places(call: Call) -> list[wire.BackupPlace]:
    """List the places that backups go to."""
    return [_to_place(each) for each in await call.appliance.backup.find_places(call.principal)]


async def add_backup_place(call: Call, body: wire.NewBackupPlace) -> wire.BackupPlace:
    """Add a bucket that backups can go to; it is looked at first."""
    added = await call.appliance.backup.add_place(call.principal, body.name, body.kind, body.parameters)
    return _to_place(added)


async def remove_backup_place(call: Call, place: str) -> None:
    """Forget a place of backups; what lies there stays."""
    await call.appliance.backup.remove_place(call.principal, place)


async def claim_backup_place(call: Call, place: str) -> wire.BackupPlace:
    """Take a place of backups over from another installation of this appliance, which then is refused there."""
    return _to_place(await call.appliance.backup.claim_place(call.principal, place))


async def set_backup_schedule(call: Call, place: str, body: wire.NewSchedule) -> wire.BackupPlace:
    """Have the clock make backups at a place and remove old ones, or no longer."""
    keep = None if body.keep is None else Keep(**msgspec.structs.asdict(body.keep))
    return _to_place(await call.appliance.backup.set_schedule(call.principal, place, body.every_hours, keep))


def _to_place(place: PlaceFacts) -> wire.BackupPlace:
    return wire.BackupPlace(
        place.name,
        place.kind,
        dict(place.parameters),
        place.every_hours,
        None if place.keep is None else wire.Keep(**dataclasses.asdict(place.keep)),
        place.backed_up,
        place.verified,
    )


OPERATIONS = [
    Operation(method="GET", path="/backups", guard=Guard.ADMIN, handler=find_backups),
    Operation(method="GET", path="/backup-places", guard=Guard.ADMIN, handler=find_backup_places),
    Operation(method="POST", path="/backup-places", guard=Guard.ADMIN, handler=add_backup_place, status=201),
    Operation(
        method="DELETE", path="/backup-places/{place}", guard=Guard.ADMIN, handler=remove_backup_place, status=204
    ),
    Operation(method="PUT", path="/backup-places/{place}/claim", guard=Guard.ADMIN, handler=claim_backup_place),
    Operation(method="PUT", path="/backup-schedules/{place}", guard=Guard.ADMIN, handler=set_backup_schedule),
]
