"""Keys: what opens the store, replacing keys, and proof that some were destroyed.

Sealing a space anew and destroying one are operations.
"""

import dataclasses

from cloudconnect.features.encryption import Certificate, SpaceKeys
from cloudconnect.wire import encryption as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation


async def get_key_status(call: Call) -> wire.KeyStatus:
    """Return what opens the store."""
    found = await call.appliance.encryption.get_status(call.principal)
    return wire.KeyStatus(
        [wire.Slot(**dataclasses.asdict(slot)) for slot in found.slots],
        None if found.shares is None else wire.ShareSet(**dataclasses.asdict(found.shares)),
        found.spaces,
        found.public_key,
        found.earlier_public_keys,
    )


async def add_slot(call: Call, body: wire.NewSlot) -> wire.Slot:
    """Let something more open the store."""
    return wire.Slot(await call.appliance.encryption.add_slot(call.principal, body.kind, body.file), body.kind, False)


async def remove_slot(call: Call, slot: str) -> None:
    """Let a slot open the store no longer."""
    await call.appliance.encryption.remove_slot(call.principal, slot)


async def replace_recovery_code(call: Call) -> wire.RecoveryCode:
    """Make a new recovery code; the earlier one opens nothing any more."""
    return wire.RecoveryCode(*await call.appliance.encryption.replace_recovery_code(call.principal))


async def replace_shares(call: Call, body: wire.NewShares) -> wire.MadeShares:
    """Make recovery shares; those of an earlier set open nothing any more."""
    made, unreached = await call.appliance.encryption.replace_shares(call.principal, body.needed, body.total)
    return wire.MadeShares(made[0].set_id, body.needed, [str(share) for share in made], unreached)


async def rotate_master_key(call: Call) -> wire.RecoveryCode:
    """Replace the master key; what the settings name and a new recovery code open the store, nothing else."""
    return wire.RecoveryCode(*await call.appliance.encryption.rotate_master(call.principal))


async def rotate_wrapping_key(call: Call) -> wire.Rotated:
    """Replace the key that the keys of spaces are sealed under."""
    return wire.Rotated(await call.appliance.encryption.rotate_wrapping(call.principal))


async def rotate_space_key(call: Call, space: str) -> wire.SpaceKeys:
    """Seal what is stored in a space from now on with a new key."""
    return wire.SpaceKeys(space, await call.appliance.encryption.rotate_space(call.principal, space))


async def replace_naming_keys(call: Call, space: str) -> wire.ReplacedKey:
    """Cut and name what is stored in a space from now on by new keys."""
    return wire.ReplacedKey(space, await call.appliance.encryption.replace_naming(call.principal, space))


async def rotate_service_key(call: Call, name: str) -> wire.ReplacedKey:
    """Replace the key of passwords, certificates or backups; what the earlier ones made stays right."""
    return wire.ReplacedKey(name, await call.appliance.encryption.rotate_service(call.principal, name))


async def find_space_keys(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.SpaceKeys]:
    """List the spaces that have keys, oldest first."""
    return to_page(await call.appliance.encryption.find_spaces(call.principal, limit, cursor), _to_space_keys)


async def find_certificates(
    call: Call, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.Certificate]:
    """List the spaces whose keys were destroyed."""
    return to_page(await call.appliance.encryption.find_certificates(call.principal, limit, cursor), _to_certificate)


async def get_certificate(call: Call, space: str) -> wire.Certificate:
    """Return the proof that the keys of a space were destroyed."""
    return _to_certificate(await call.appliance.encryption.get_certificate(call.principal, space))


def _to_space_keys(keys: SpaceKeys) -> wire.SpaceKeys:
    return wire.SpaceKeys(keys.space, keys.epoch)


def _to_certificate(certificate: Certificate) -> wire.Certificate:
    return wire.Certificate(certificate.space, certificate.state, certificate.created, certificate.document)


_ROOT = "/encryption"

OPERATIONS = [
    Operation(method="GET", path=_ROOT, guard=Guard.ADMIN, handler=get_key_status),
    Operation(method="POST", path=_ROOT + "/slots", guard=Guard.ADMIN, handler=add_slot, status=201),
    Operation(method="DELETE", path=_ROOT + "/slots/{slot}", guard=Guard.ADMIN, handler=remove_slot, status=204),
    Operation(
        method="POST",
        path=_ROOT + "/recovery-code",
        guard=Guard.ADMIN,
        handler=replace_recovery_code,
        answers_secret=True,
    ),
    Operation(
        method="POST",
        path=_ROOT + "/shares",
        guard=Guard.ADMIN,
        handler=replace_shares,
        status=201,
        answers_secret=True,
    ),
    Operation(
        method="POST", path=_ROOT + "/master-key", guard=Guard.ADMIN, handler=rotate_master_key, answers_secret=True
    ),
    Operation(method="POST", path=_ROOT + "/wrapping-key", guard=Guard.ADMIN, handler=rotate_wrapping_key),
    Operation(method="GET", path=_ROOT + "/spaces", guard=Guard.ADMIN, handler=find_space_keys),
    Operation(method="POST", path=_ROOT + "/spaces/{space}/key", guard=Guard.ADMIN, handler=rotate_space_key),
    Operation(method="POST", path=_ROOT + "/spaces/{space}/naming", guard=Guard.ADMIN, handler=replace_naming_keys),
    Operation(method="POST", path=_ROOT + "/service-keys/{name}", guard=Guard.ADMIN, handler=rotate_service_key),
    Operation(method="GET", path=_ROOT + "/certificates", guard=Guard.ADMIN, handler=find_certificates),
    Operation(method="GET", path=_ROOT + "/certificates/{space}", guard=Guard.ADMIN, handler=get_certificate),
]
