"""The nouns of the sessions room."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudconnect.kernel.ids import SessionId, UserId


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in device; ``seen`` is right to the minute, ``proved`` is when the password or link was given."""

    id: SessionId
    account: UserId
    device: str
    address: str
    method: str
    created: datetime
    seen: datetime
    proved: datetime
    expires: datetime
    is_revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long a session lives: since it was last used, and at most."""

    idle: timedelta
    absolute: timedelta
