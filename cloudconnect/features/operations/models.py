"""The nouns of the operations room."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from cloudconnect.kernel.text import Text

OperationId = NewType("OperationId", str)


class State(StrEnum):
    """Where an operation stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A long job. ``done`` and ``total`` count in ``unit``; a total of 0 is not known yet."""

    id: OperationId
    kind: str
    title: Text
    unit: str
    parameters: dict[str, str]
    state: State
    done: int
    total: int
    note: str
    checkpoint: str
    result: dict[str, int | str]
    error: str
    author: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    worked_seconds: float
    """How long it has been at work, pauses and downtime left out."""
    remaining_seconds: float | None
    """How long it will go on at the pace so far, None while that is unknown."""
