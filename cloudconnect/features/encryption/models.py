"""The nouns of the encryption room."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloudconnect.storage.backup_places import SIGNATURE_KEY
from cloudconnect.storage.keyring_file import ShareFacts, SlotFacts

ERASED = "erased"
PENDING = "pending"

CERTIFICATE_KEY: Final = "certificate-signature"

SERVICE_KEYS: Final[Mapping[str, str]] = {
    "passwords": "pepper",
    "certificates": CERTIFICATE_KEY,
    "backups": SIGNATURE_KEY,
}
"""What the keys of services are for, and what each is called in the keyring."""


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What opens the store, and how many spaces have keys; ``public_key`` verifies certificates, in hexadecimal.

    ``earlier_public_keys`` verify those from before that key was replaced, newest first.
    """

    slots: list[SlotFacts]
    shares: ShareFacts | None
    spaces: int
    public_key: str
    earlier_public_keys: list[str]


@dataclass(frozen=True, slots=True)
class SpaceKeys:
    """A space and the epoch that its new content is sealed in."""

    space: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """That the keys of a space were destroyed; ``document`` is signed JSON text, for whoever asks for proof."""

    space: str
    state: str
    created: datetime
    document: str
