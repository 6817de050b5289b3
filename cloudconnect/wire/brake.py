"""Sessions that were stopped from changing too much, and what stops them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from cloudconnect.wire.shape import Answer, Request


class Brake(Answer, frozen=True):
    """A session that was stopped from writing to a space.

    ``session`` is the session or token; ``changes`` how many files it had removed or overwritten within a minute, or
    how many it had scrambled and renamed. ``lifted`` is null as long as it is stopped.
    """

    id: str
    session: str
    actor: str
    actor_name: str
    reason: Literal["mass-change", "part-of-space", "scrambled"]
    changes: int
    seq: int
    pulled: datetime
    lifted: datetime | None


class BrakeLimit(Answer, frozen=True):
    """How many files one session may remove or overwrite in a minute; 0 for any number."""

    changes: int


class ChangedBrakeLimit(BrakeLimit, frozen=True):
    """How many files it is after a change, which ``undo`` takes back; empty where nothing changed."""

    undo: str = ""


class NewBrakeLimit(Request, frozen=True):
    """How many files one session may remove or overwrite in a minute: 20 to a million, 0 for any number, or null."""

    changes: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None


class Expectation(Request, frozen=True):
    """How many files this session is going to remove or overwrite within an hour."""

    changes: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
