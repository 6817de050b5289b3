"""What you may do, and why."""

from cloudconnect.features.access.service import AccessService

__all__ = ["AccessService"]
