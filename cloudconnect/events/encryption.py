"""What happens to keys."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated(Fact):
    """A key was replaced; ``level`` is master, wrapping, code, space, naming or service.

    ``subject`` is the space, or the name of the service, where it is one of these.
    """

    kind: ClassVar[str] = "encryption.key-rotated"
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotAdded(Fact):
    """Something more opens the store; ``subject`` is the slot, ``type`` its kind."""

    kind: ClassVar[str] = "encryption.slot-added"
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRemoved(Fact):
    """A slot opens the store no longer; ``subject`` is the slot."""

    kind: ClassVar[str] = "encryption.slot-removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesMade(Fact):
    """Recovery shares were made; ``subject`` is the set, of which ``needed`` of ``total`` open the store."""

    kind: ClassVar[str] = "encryption.shares-made"
    needed: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceResealed(Fact):
    """All content of a space was sealed with its newest key."""

    kind: ClassVar[str] = "encryption.space-resealed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceShredded(Fact):
    """The keys of a space were destroyed; ``state`` is erased, or pending while a copy of them cannot be reached."""

    kind: ClassVar[str] = "encryption.space-shredded"
    state: str
