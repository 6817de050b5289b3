"""Who acts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PrincipalKind(StrEnum):
    """What sort of actor a principal is."""

    PERSON = "person"
    PROGRAM = "program"
    APPLIANCE = "appliance"


class Scope(StrEnum):
    """A part of a principal's power that a token may carry (OAuth 2.0, RFC 6749 section 3.3)."""

    FILES_READ = "files.read"
    FILES_WRITE = "files.write"
    ACCOUNT = "account"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that asks.

    ``id`` is the user on whose behalf it acts; ``credential`` is the id of the session or token it showed, empty for
    the appliance itself and for the local administrator. ``scopes`` bound what it may do, whatever the user may.
    ``proved_at`` is when the user last gave a password or its like. ``lock_tokens`` are the locks it shows where a
    protocol asks for them; None where it passes its own locks as itself.
    """

    id: str
    kind: PrincipalKind
    name: str
    is_admin: bool = False
    credential: str = ""
    scopes: frozenset[Scope] = ALL_SCOPES
    proved_at: datetime | None = None
    lock_tokens: frozenset[str] | None = None


APPLIANCE = Principal(id="appliance", kind=PrincipalKind.APPLIANCE, name="CloudConnect", is_admin=True)
"""The appliance acting on its own account: start-up, schedules, clean-up."""
