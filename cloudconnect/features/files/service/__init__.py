"""The verbs of the files room."""

from cloudconnect.features.files.service.accounting import AccountingService
from cloudconnect.features.files.service.damaged import DamageService
from cloudconnect.features.files.service.service import FilesService

__all__ = ["AccountingService", "DamageService", "FilesService"]
