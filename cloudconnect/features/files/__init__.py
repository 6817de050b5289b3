"""Spaces and the tree in them: content, places, versions, trash."""

from cloudconnect.features.files.models import (
    Batch,
    Change,
    Condition,
    DamagedFile,
    Entry,
    EntryKind,
    Footprint,
    NewItem,
    OpenFile,
    OpenFiles,
    Put,
    Space,
    TrashChange,
    Trashed,
    Usage,
)
from cloudconnect.features.files.service import (
    PERSONAL,
    AccountingService,
    DamageService,
    Erasing,
    FilesService,
    RestoringFiles,
)
from cloudconnect.features.files.store.contents import HeldContents

__all__ = [
    "PERSONAL",
    "AccountingService",
    "Batch",
    "Change",
    "Condition",
    "DamageService",
    "DamagedFile",
    "Entry",
    "EntryKind",
    "Erasing",
    "FilesService",
    "Footprint",
    "HeldContents",
    "NewItem",
    "OpenFile",
    "OpenFiles",
    "Put",
    "RestoringFiles",
    "Space",
    "TrashChange",
    "Trashed",
    "Usage",
]
