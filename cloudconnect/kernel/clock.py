"""Time comes in through the door: a clock that is handed to whoever needs it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class HeldClock:
    """A clock that stands still until it is moved by hand."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the moment at which the clock was left."""
        return self._now

    def advance(self, span: timedelta) -> None:
        """Move the clock by *span*, which may be negative."""
        self._now += span


def to_ms(moment: datetime) -> int:
    """Return *moment* as milliseconds since 1970-01-01T00:00:00Z, the form in which the database keeps times."""
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Return the moment that lies *milliseconds* after 1970-01-01T00:00:00Z, aware, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()
