"""Time comes in through the door: a clock that is handed to whoever needs it."""

import re
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


_EPOCH = datetime.fromtimestamp(0, UTC)
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)")


def format_ns(nanoseconds: int) -> str:
    """Return the moment *nanoseconds* after 1970-01-01T00:00:00Z in RFC 3339, with nine digits of fraction, in UTC.

    Moments before year 1 and after year 9999 are shown as the nearest that can be.
    """
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    seconds = min(max(seconds, -62_135_596_800), 253_402_300_799)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.isoformat()[:19]}.{fraction:09d}Z"


def parse_ns(text: str) -> int:
    """Return the nanoseconds since 1970-01-01T00:00:00Z of a moment in RFC 3339.

    Raises:
        ValueError: *text* is no such moment.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError("not a moment in RFC 3339")
    day, time_of_day, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{time_of_day}{zone.upper().replace('Z', '+00:00')}")
    seconds = round((moment - _EPOCH).total_seconds())
    return seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))
