"""Keys for programs."""

from cloudconnect.features.developer.models import Token
from cloudconnect.features.developer.service import DeveloperService

__all__ = ["DeveloperService", "Token"]
