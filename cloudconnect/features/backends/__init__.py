"""Where packs rest: the backend of the settings, those that were added, and where new packs go."""

from cloudconnect.features.backends.models import Place
from cloudconnect.features.backends.service import BackendsService

__all__ = ["BackendsService", "Place"]
