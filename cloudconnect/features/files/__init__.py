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
    Put,
    Space,
    TrashChange,
    Trashed,
    Usage,
)
from cloudconnect.features.files.service import AccountingService, DamageService, FilesService
from cloudconnect.features.files.store.contents import HeldContents

__all__ = [
    "AccountingService",
    "Batch",
    "Change",
    "Condition",
    "DamageService",
    "DamagedFile",
    "Entry",
    "EntryKind",
    "FilesService",
    "Footprint",
    "HeldContents",
    "NewItem",
    "OpenFile",
    "Put",
    "Space",
    "TrashChange",
    "Trashed",
    "Usage",
]
