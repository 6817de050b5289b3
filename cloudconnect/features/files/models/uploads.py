"""Files that come in many requests."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from cloudconnect.features.files.models.changes import Condition
from cloudconnect.kernel.ids import NodeId, SpaceId

LONGEST_BYTES: Final = 5 << 40
"""The most that a file may have which comes in many requests."""


class UploadKind(StrEnum):
    """What an upload in progress is for.

    ``CHUNKS`` is a folder that holds each ``CHUNK``, and counts as one among those that somebody has in progress.
    """

    WHOLE = "whole"
    PART = "part"
    JOINED = "joined"
    CROSSING = "crossing"
    CHUNKS = "chunks"
    CHUNK = "chunk"

    @property
    def is_part(self) -> bool:
        """Whether a file is made of it together with others, and it has no place of its own."""
        return self in {UploadKind.PART, UploadKind.CHUNKS, UploadKind.CHUNK}


class UploadState(StrEnum):
    """How far an upload is: it goes on, it became a file, or it is being forgotten."""

    OPEN = "open"
    DONE = "done"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPlan:
    """What an upload becomes once it is complete.

    ``metadata`` is what the client wants to be told again, in its own words; ``checksum`` what the whole content must
    have, as ``checksums.Checksum`` writes it, empty for any.
    """

    path: str
    modified_ns: int | None = None
    media_type: str | None = None
    condition: Condition = field(default_factory=Condition)
    parents: bool = False
    metadata: str = ""
    checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload in progress, or one that is complete and still remembered.

    ``length`` is the plain bytes it will have, None as long as nobody said; ``received`` those that are durable, of
    which ``chunks`` chunks hold all but the last. A joined upload is made of ``parts``, other uploads by id. Once it is
    done, ``node`` and ``version`` name what it became.
    """

    id: str
    kind: UploadKind
    state: UploadState
    principal: str
    space: SpaceId
    plan: UploadPlan
    length: int | None
    received: int
    created: datetime
    expires: datetime
    chunks: int = 0
    stored_bytes: int = 0
    reused_bytes: int = 0
    parts: tuple[str, ...] = ()
    node: NodeId | None = None
    version: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether it became a file, or a part of one."""
        return self.state is UploadState.DONE

    @property
    def is_received(self) -> bool:
        """Whether all its bytes are here."""
        return self.received == self.length
