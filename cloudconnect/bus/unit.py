"""A unit of work: one change and its facts in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cloudconnect.events import Fact
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a fact stands: its position in this appliance's log, and its seq if it happened in a space."""

    position: int
    seq: int | None


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A fact as the log keeps it. ``hlc`` is a hybrid logical clock: milliseconds since 1970, then 16 bits of count."""

    position: int
    seq: int | None
    fact: Fact
    id: str
    space: SpaceId | None
    actor: str
    session: str
    hlc: int
    region: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What a change may use: the transaction, one moment, who acts, and the log to record into.

    A change is a plain function that touches nothing but these: it may run again when the first time was rolled back.
    """

    sql: Sql
    now: datetime
    now_ms: int
    actor: Principal
    record: Callable[[Fact], Recorded]
    """Add a fact to the log; it gets its place at once."""
    spans: dict[SpaceId, tuple[int, int]] = field(default_factory=dict)
    """The first and the last seq that this unit's facts got so far, for each space."""
