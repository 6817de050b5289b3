"""What a token may carry and how long it lives."""

from collections.abc import Iterable
from datetime import datetime

from cloudconnect.features.developer.errors import ScopeTooWide, UnknownScope
from cloudconnect.features.developer.models import Token
from cloudconnect.kernel.principal import Principal, Scope
from cloudconnect.kernel.text import N_

DEFAULT_SCOPES = frozenset({Scope.FILES_READ, Scope.FILES_WRITE})


def parse_scopes(words: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes named by *words*, those for files when there are none.

    Raises:
        UnknownScope: a word is no scope.
    """
    scopes = set()
    for word in words:
        try:
            scopes.add(Scope(word))
        except ValueError as error:
            raise UnknownScope(
                N_("“{scope}” is not a scope."),
                fix=N_("The scopes are: {known}."),
                scope=word,
                known=", ".join(Scope),
            ) from error
    return frozenset(scopes) or DEFAULT_SCOPES


def check_scopes(principal: Principal, scopes: frozenset[Scope]) -> None:
    """Return if *principal* holds every one of *scopes* itself.

    Raises:
        ScopeTooWide: it does not; administration also needs an administrator.
    """
    held = principal.scopes if principal.is_admin else principal.scopes - {Scope.ADMIN}
    if not scopes <= held:
        raise ScopeTooWide(
            N_("You do not hold: {missing}."),
            fix=N_("Leave these scopes out."),
            missing=", ".join(sorted(scopes - held)),
        )


def is_alive(token: Token, now: datetime) -> bool:
    """Tell whether *token* still signs anybody in at *now*."""
    return not token.is_revoked and (token.expires is None or now < token.expires)
