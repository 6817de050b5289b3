"""What happens to long jobs."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.events.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationStarted(Fact):
    """Somebody started a long job; ``subject`` is its id."""

    kind: ClassVar[str] = "operations.operation-started"
    operation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEnded(Fact):
    """A long job is done, failed or was cancelled, as ``state`` says."""

    kind: ClassVar[str] = "operations.operation-ended"
    operation: str
    state: str
