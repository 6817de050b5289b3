"""What the sessions room does about other rooms' facts."""

from cloudconnect.bus import Listener, StoredFact, Unit
from cloudconnect.events.auth import AccountChanged, PasswordChanged
from cloudconnect.features.sessions.service import SessionsService
from cloudconnect.kernel.ids import UserId


def reactions(sessions: SessionsService) -> list[Listener]:
    """Return the table fact → verb of this room."""

    def end_after_new_password(unit: Unit, stored: StoredFact) -> None:
        fact = stored.fact
        if isinstance(fact, PasswordChanged):
            sessions.revoke_all_but(unit, UserId(fact.subject), fact.kept_session)
        elif isinstance(fact, AccountChanged) and fact.is_disabled:
            sessions.revoke_all_but(unit, UserId(fact.subject), "")

    return [
        Listener(
            name="sessions",
            in_unit=end_after_new_password,
            kinds=frozenset({PasswordChanged.kind, AccountChanged.kind}),
        )
    ]
