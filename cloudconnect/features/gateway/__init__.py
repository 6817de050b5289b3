"""The door's memory: a repeated request is not a second act."""

from cloudconnect.features.gateway.models import Remembered
from cloudconnect.features.gateway.service import GatewayService

__all__ = ["GatewayService", "Remembered"]
