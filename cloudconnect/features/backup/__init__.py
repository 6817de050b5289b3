"""Backups of the whole appliance, and the proof that they can be restored."""

from cloudconnect.features.backup.models import BackupListed
from cloudconnect.features.backup.service import BackupService

__all__ = ["BackupListed", "BackupService"]
