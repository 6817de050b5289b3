"""The verbs of the auth room."""

from cloudconnect.features.auth.service.service import AuthService

__all__ = ["AuthService"]
