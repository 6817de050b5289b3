"""The only door between the event loop and the engine's threads."""

from cloudconnect.storage.aio.growth import Growth
from cloudconnect.storage.aio.vault import SMALL_BYTES, Cutting, Vault

__all__ = ["SMALL_BYTES", "Cutting", "Growth", "Vault"]
