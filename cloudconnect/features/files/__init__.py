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
from cloudconnect.features.files.store.contents import HeldContents

__all__ = [
    "Batch",
    "Change",
    "Condition",
    "Entry",
    "EntryKind",
    "FilesService",
    "HeldContents",
    "NewItem",
    "OpenFile",
    "Put",
    "Space",
    "TrashChange",
    "Trashed",
    "Usage",
]
