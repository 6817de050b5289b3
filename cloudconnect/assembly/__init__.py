"""The floor plan: how an appliance is put together. Start reading in ``building``."""

from cloudconnect.assembly.appliance import Appliance
from cloudconnect.assembly.building import assemble
from cloudconnect.assembly.keys import (
    RECOVERING,
    AlreadyInitialised,
    NotInitialised,
    NotRecovered,
    describe_keys,
    initialise,
    is_initialised,
    open_keyring,
    prepare_key,
    recover_key,
    slot_of,
    try_key_service,
    try_keys,
)
from cloudconnect.assembly.storing import (
    EngineStore,
    open_all_backends,
    open_listed_backends,
    open_main_backend,
    open_place,
)
from cloudconnect.database import AlreadyRunning
from cloudconnect.settings import Settings

__all__ = [
    "RECOVERING",
    "AlreadyInitialised",
    "AlreadyRunning",
    "Appliance",
    "EngineStore",
    "NotInitialised",
    "NotRecovered",
    "Settings",
    "assemble",
    "describe_keys",
    "initialise",
    "is_initialised",
    "open_all_backends",
    "open_keyring",
    "open_listed_backends",
    "open_main_backend",
    "open_place",
    "prepare_key",
    "recover_key",
    "slot_of",
    "try_key_service",
    "try_keys",
]
