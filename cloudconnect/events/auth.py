"""What happens to accounts."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAdded(Fact):
    """An account was made; ``subject`` is its id."""

    kind: ClassVar[str] = "auth.account-added"
    name: str
    is_admin: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged(Fact):
    """An account got another display name, was made or unmade an administrator, disabled or enabled."""

    kind: ClassVar[str] = "auth.account-changed"
    is_admin: bool
    is_disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(Fact):
    """The password of the account ``subject`` was set; ``kept_session`` goes on, all others of it end."""

    kind: ClassVar[str] = "auth.password-changed"
    kept_session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLinkAdded(Fact):
    """A one-time sign-in link was made for the account ``subject``."""

    kind: ClassVar[str] = "auth.sign-in-link-added"
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLinkUsed(Fact):
    """A one-time sign-in link of the account ``subject`` was used up."""

    kind: ClassVar[str] = "auth.sign-in-link-used"
