"""Connections, the writer thread, and the schema."""

from cloudconnect.database.database import Database, open_database
from cloudconnect.database.errors import NewerSchema

__all__ = ["Database", "NewerSchema", "open_database"]
