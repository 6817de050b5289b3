"""What happens to the places where packs rest."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendAdded(Fact):
    """An administrator added a backend; ``type`` is local, s3 or azure."""

    kind: ClassVar[str] = "backends.backend-added"
    backend: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendRemoved(Fact):
    """An administrator removed a backend in which nothing lay."""

    kind: ClassVar[str] = "backends.backend-removed"
    backend: str
