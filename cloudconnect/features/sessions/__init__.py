"""Which devices are signed in."""

from cloudconnect.features.sessions.models import Session
from cloudconnect.features.sessions.reactions import reactions
from cloudconnect.features.sessions.service import SessionsService

__all__ = ["Session", "SessionsService", "reactions"]
