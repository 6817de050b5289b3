"""What rooms ask about accounts, sessions and tokens of one another."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cloudconnect.kernel.ids import UserId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class Holder:
    """The account behind a credential, as far as credentials care."""

    id: UserId
    name: str
    is_admin: bool
    is_disabled: bool


class Accounts(Protocol):
    """Answered by the room `auth`."""

    def find_holder(self, sql: Sql, account: UserId) -> Holder | None:
        """Return the account, or None when there is no such one."""
        ...

    def find_named(self, sql: Sql, name: str) -> Holder | None:
        """Return the account that signs in with *name*, or None when there is no such one."""
        ...


class Credentials(Protocol):
    """A kind of secret that signs somebody in; answered by `sessions` and `developer`."""

    async def authenticate(self, secret_hash: bytes, address: str) -> Principal:
        """Return who holds the credential with this hash, asking from *address*.

        Raises:
            Unauthenticated: it does not exist, has ended, or its account is disabled.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A fresh session; the token is in nobody's hands but the one who signed in."""

    id: str
    token: str
    expires: datetime


class Sessions(Protocol):
    """Answered by the room `sessions`."""

    async def open_session(self, holder: Holder, *, method: str, device: str, address: str) -> OpenedSession:
        """Start a session for somebody who has just proved who they are."""
        ...
