"""What happens to signed-in devices."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(Fact):
    """Somebody signed in; ``subject`` is the session."""

    kind: ClassVar[str] = "sessions.session-opened"
    account: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Fact):
    """A session was ended by its holder, by an administrator or by a new password."""

    kind: ClassVar[str] = "sessions.session-ended"
    account: str
