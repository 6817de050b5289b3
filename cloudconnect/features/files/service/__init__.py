"""The verbs of the files room."""

from cloudconnect.features.files.service.accounting import AccountingService
from cloudconnect.features.files.service.damaged import DamageService
from cloudconnect.features.files.service.editing import EditingService
from cloudconnect.features.files.service.erasing import Erasing
from cloudconnect.features.files.service.finding import FindingService
from cloudconnect.features.files.service.guide import PERSONAL, Guide
from cloudconnect.features.files.service.intake import IntakeService
from cloudconnect.features.files.service.particulars import ParticularsService
from cloudconnect.features.files.service.restoring import RestoringFiles
from cloudconnect.features.files.service.service import FilesService
from cloudconnect.features.files.service.tags import TagsService

__all__ = [
    "PERSONAL",
    "AccountingService",
    "DamageService",
    "EditingService",
    "Erasing",
    "FilesService",
    "FindingService",
    "Guide",
    "IntakeService",
    "ParticularsService",
    "RestoringFiles",
    "TagsService",
]
