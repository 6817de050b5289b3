"""Keys: what opens the store, replacing keys of every level, and destroying those of a space."""

from cloudconnect.features.encryption.errors import BadSlot
from cloudconnect.features.encryption.models import Certificate, KeyStatus, SpaceKeys
from cloudconnect.features.encryption.service import EncryptionService

__all__ = ["BadSlot", "Certificate", "EncryptionService", "KeyStatus", "SpaceKeys"]
