"""The typed client of the REST face, through which every terminal face speaks."""

from cloudconnect.client.connection import Client
from cloudconnect.client.target import Target

__all__ = ["Client", "Target"]
