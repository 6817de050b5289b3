"""The nouns of the auth room."""

from dataclasses import dataclass
from datetime import datetime

from cloudconnect.kernel.ids import UserId
from cloudconnect.ports.accounts import OpenedSession


@dataclass(frozen=True, slots=True)
class Account:
    """A person, or a program that somebody gave an account."""

    id: UserId
    name: str
    display_name: str
    is_admin: bool
    is_disabled: bool
    has_password: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class NewSession:
    """What signing in gives: the account, its fresh session, and what the device keeps to be known again."""

    account: Account
    session: OpenedSession
    marks: str

    @property
    def token(self) -> str:
        """The token of the session, to be handed to the one who signed in and to nobody else."""
        return self.session.token
