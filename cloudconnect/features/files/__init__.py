"""Spaces and the tree in them: content, places, versions, trash."""

from cloudconnect.features.files.models import (
    Batch,
    Change,
    Condition,
    Entry,
    EntryKind,
    NewItem,
    OpenFile,
    Put,
    Space,
    TrashChange,
    Trashed,
    Usage,
)
from cloudconnect.features.files.service import FilesService

__all__ = [
    "Batch",
    "Change",
    "Condition",
    "Entry",
    "EntryKind",
    "FilesService",
    "NewItem",
    "OpenFile",
    "Put",
    "Space",
    "TrashChange",
    "Trashed",
    "Usage",
]
