"""Spaces and the tree in them: content, places, versions, trash."""

from cloudconnect.features.files.models import (
    Change,
    Condition,
    Entry,
    EntryKind,
    OpenFile,
    Put,
    Space,
    TrashChange,
    Trashed,
    Usage,
)
from cloudconnect.features.files.service import FilesService

__all__ = [
    "Change",
    "Condition",
    "Entry",
    "EntryKind",
    "FilesService",
    "OpenFile",
    "Put",
    "Space",
    "TrashChange",
    "Trashed",
    "Usage",
]
