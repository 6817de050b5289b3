"""Long jobs."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request

_Value = Annotated[str, msgspec.Meta(max_length=4_000)]


class NewOperation(Request, frozen=True):
    """A long job to start; which parameters there are depends on its kind."""

    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=100, examples=["storage.scrub"])]
    parameters: Annotated[dict[str, _Value], msgspec.Meta(max_length=30)] = {}


class OperationKind(Answer, frozen=True):
    """A kind of long job that can be started; ``unit`` is what it counts."""

    name: str
    title: str
    unit: str


class Operation(Answer, frozen=True):
    """A long job as it stands; a total of 0 is not known yet."""

    id: str
    kind: str
    title: str
    unit: str
    parameters: dict[str, str]
    state: str
    done: int
    total: int
    note: str
    result: dict[str, int | str]
    error: str
    author: str
    created: datetime
    started: datetime | None
    finished: datetime | None
    worked_seconds: float
    remaining_seconds: float | None
