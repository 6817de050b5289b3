"""The nouns of the files room."""

from cloudconnect.features.files.models.bulk import (
    BulkDeed,
    BulkEdit,
    BulkEdited,
    BulkPlan,
)
from cloudconnect.features.files.models.changes import (
    Batch,
    Change,
    Condition,
    NewItem,
    Put,
)
from cloudconnect.features.files.models.entries import (
    Entry,
    EntryKind,
    Footprint,
    Listing,
    OpenFile,
    OpenFiles,
    Usage,
    Version,
)
from cloudconnect.features.files.models.keeping import (
    KeptVersion,
    TrashChange,
    Trashed,
    TrashTotal,
)
from cloudconnect.features.files.models.locks import (
    Detail,
    Lock,
    LockTerms,
)
from cloudconnect.features.files.models.settings import (
    Setting,
    SettingChange,
    SettingKind,
)
from cloudconnect.features.files.models.spaces import (
    Brake,
    DamagedFile,
    Retention,
    Space,
    SpaceKind,
)
from cloudconnect.features.files.models.tags import (
    Favourite,
    Field,
    FieldKind,
    Found,
    Tag,
    TagsChange,
    TagUse,
)
from cloudconnect.features.files.models.uploads import (
    LONGEST_BYTES,
    Upload,
    UploadKind,
    UploadPlan,
    UploadState,
)

__all__ = [
    "LONGEST_BYTES",
    "Batch",
    "Brake",
    "BulkDeed",
    "BulkEdit",
    "BulkEdited",
    "BulkPlan",
    "Change",
    "Condition",
    "DamagedFile",
    "Detail",
    "Entry",
    "EntryKind",
    "Favourite",
    "Field",
    "FieldKind",
    "Footprint",
    "Found",
    "KeptVersion",
    "Listing",
    "Lock",
    "LockTerms",
    "NewItem",
    "OpenFile",
    "OpenFiles",
    "Put",
    "Retention",
    "Setting",
    "SettingChange",
    "SettingKind",
    "Space",
    "SpaceKind",
    "Tag",
    "TagUse",
    "TagsChange",
    "TrashChange",
    "TrashTotal",
    "Trashed",
    "Upload",
    "UploadKind",
    "UploadPlan",
    "UploadState",
    "Usage",
    "Version",
]
