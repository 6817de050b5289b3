"""The verbs of the files room."""

from cloudconnect.features.files.service.accounting import (
    AccountingService,
)
from cloudconnect.features.files.service.brake import (
    BrakeService,
)
from cloudconnect.features.files.service.chunking import (
    ChunkingService,
)
from cloudconnect.features.files.service.comparing import (
    ComparingService,
)
from cloudconnect.features.files.service.crossing import (
    CrossingService,
)
from cloudconnect.features.files.service.crossing_runs import (
    CROSSING_KIND,
    CrossingRuns,
)
from cloudconnect.features.files.service.damaged import (
    DamageService,
)
from cloudconnect.features.files.service.details import (
    DetailsService,
    Sight,
    Wanted,
)
from cloudconnect.features.files.service.editing import (
    EditingService,
)
from cloudconnect.features.files.service.editing_runs import (
    EditingRuns,
)
from cloudconnect.features.files.service.erasing import (
    Erasing,
)
from cloudconnect.features.files.service.finding import (
    FindingService,
)
from cloudconnect.features.files.service.guide import (
    PERSONAL,
    Guide,
)
from cloudconnect.features.files.service.history import (
    HistoryService,
)
from cloudconnect.features.files.service.intake import (
    IntakeService,
)
from cloudconnect.features.files.service.locks import (
    LocksService,
)
from cloudconnect.features.files.service.particulars import (
    ParticularsService,
)
from cloudconnect.features.files.service.properties import (
    PropertiesService,
)
from cloudconnect.features.files.service.pruning import (
    Pruned,
    PruningService,
)
from cloudconnect.features.files.service.pruning_runs import (
    PruningRuns,
)
from cloudconnect.features.files.service.purging import (
    Disk,
    PurgingService,
    Watermark,
)
from cloudconnect.features.files.service.restoring import (
    RestoringFiles,
)
from cloudconnect.features.files.service.returning import (
    ReturningService,
)
from cloudconnect.features.files.service.reviving import Reviving
from cloudconnect.features.files.service.service import (
    FilesService,
)
from cloudconnect.features.files.service.snapshots import (
    SnapshotsService,
)
from cloudconnect.features.files.service.spaces import (
    SpacesService,
)
from cloudconnect.features.files.service.tags import (
    TagsService,
)
from cloudconnect.features.files.service.uploads import (
    UploadLimits,
    UploadsService,
)
from cloudconnect.features.files.service.versions import (
    VersionsService,
)

__all__ = [
    "CROSSING_KIND",
    "PERSONAL",
    "AccountingService",
    "BrakeService",
    "ChunkingService",
    "ComparingService",
    "CrossingRuns",
    "CrossingService",
    "DamageService",
    "DetailsService",
    "Disk",
    "EditingRuns",
    "EditingService",
    "Erasing",
    "FilesService",
    "FindingService",
    "Guide",
    "HistoryService",
    "IntakeService",
    "LocksService",
    "ParticularsService",
    "PropertiesService",
    "Pruned",
    "PruningRuns",
    "PruningService",
    "PurgingService",
    "RestoringFiles",
    "ReturningService",
    "Reviving",
    "Sight",
    "SnapshotsService",
    "SpacesService",
    "TagsService",
    "UploadLimits",
    "UploadsService",
    "VersionsService",
    "Wanted",
    "Watermark",
]
