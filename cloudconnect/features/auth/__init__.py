"""Who you are: accounts, passwords and one-time ways in."""

from cloudconnect.features.auth.models import Account, NewSession
from cloudconnect.features.auth.service import AuthService
from cloudconnect.features.auth.store import AccountTable

__all__ = ["Account", "AccountTable", "AuthService", "NewSession"]
