"""Backups of the whole appliance: made, proved, kept and restored from."""

from cloudconnect.features.backup.models import BackupListed, Keep, PlaceFacts
from cloudconnect.features.backup.service import BackupService

__all__ = ["BackupListed", "BackupService", "Keep", "PlaceFacts"]
