"""The nouns of the developer room."""

from dataclasses import dataclass
from datetime import datetime

from cloudconnect.kernel.ids import TokenId, UserId
from cloudconnect.kernel.principal import Scope


@dataclass(frozen=True, slots=True)
class Token:
    """A key for a program, acting for its account within ``scopes``; ``used`` is right to the minute."""

    id: TokenId
    account: UserId
    name: str
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None
    used: datetime | None
    used_address: str
    is_revoked: bool
