"""The nouns of the encryption room."""

from dataclasses import dataclass
from datetime import datetime

from cloudconnect.storage.keyring import ShareFacts, SlotFacts

ERASED = "erased"
PENDING = "pending"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What opens the store, and how many spaces have keys; ``public_key`` verifies certificates, in hexadecimal."""

    slots: list[SlotFacts]
    shares: ShareFacts | None
    spaces: int
    public_key: str


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
