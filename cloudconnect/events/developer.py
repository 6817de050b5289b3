"""What happens to tokens of programs."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAdded(Fact):
    """A token was made; ``subject`` is its id."""

    kind: ClassVar[str] = "developer.token-added"
    account: str
    scopes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(Fact):
    """A token was revoked."""

    kind: ClassVar[str] = "developer.token-revoked"
    account: str
