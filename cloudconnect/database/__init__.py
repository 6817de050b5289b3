"""Connections, the writer thread, and the schema."""

from cloudconnect.database.database import Database, open_database
from cloudconnect.database.errors import NewerSchema
from cloudconnect.database.lock import AlreadyRunning, HomeLock, HomeNotWritable

__all__ = ["AlreadyRunning", "Database", "HomeLock", "HomeNotWritable", "NewerSchema", "open_database"]
