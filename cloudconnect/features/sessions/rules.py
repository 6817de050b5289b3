"""When a session is alive."""

from datetime import datetime

from cloudconnect.features.sessions.models import Lifetimes, Session


def is_alive(session: Session, lifetimes: Lifetimes, now: datetime) -> bool:
    """Tell whether *session* still signs anybody in at *now*."""
    return not session.is_revoked and now < session.expires and now < session.seen + lifetimes.idle
