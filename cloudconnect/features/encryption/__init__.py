"""Keys: what opens the store, replacing keys of every level, and destroying those of a space."""

from cloudconnect.features.encryption.errors import BadSlot
from cloudconnect.features.encryption.models import SERVICE_KEYS, Certificate, KeyStatus, SpaceKeys
from cloudconnect.features.encryption.service import EncryptionService

__all__ = ["SERVICE_KEYS", "BadSlot", "Certificate", "EncryptionService", "KeyStatus", "SpaceKeys"]
