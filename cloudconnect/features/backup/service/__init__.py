"""The verbs of the backup room."""

from cloudconnect.features.backup.service.service import BackupService

__all__ = ["BackupService"]
