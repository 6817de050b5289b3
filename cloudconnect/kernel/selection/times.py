"""Days, ages and the like, as spans between two moments."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cloudconnect.kernel.selection.terms import Modified, Operator

NS_MAX = (1 << 63) - 1
_AGE = re.compile(r"(\d{1,6})(s|m|h|d|w|y)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:t(\d\d):(\d\d)(?::(\d\d))?z?)?)?)?")
WORDS = ("today", "yesterday", *(f"{which}-{span}" for which in ("this", "last") for span in ("week", "month", "year")))


@dataclass(frozen=True, slots=True)
class Bounds:
    """A span of nanoseconds since 1970, *start* included, *stop* excluded; None where it has no bound."""

    start: int | None
    stop: int | None


def is_age(when: str) -> bool:
    """Tell whether *when* is an age, such as ``90d``."""
    return _AGE.fullmatch(when) is not None


def bounds(term: Modified, now: datetime) -> Bounds:
    """Return the span in which what *term* selects was modified, seen from *now*; days and weeks are those of UTC.

    Raises:
        ValueError: it names no moment that can be.
    """
    try:
        if match := _AGE.fullmatch(term.when):
            moment = _ns(now - timedelta(seconds=int(match[1]) * _SECONDS[match[2]]))
            return _older_or_newer(term.operator, moment)
        start, stop = _period(term.when, now.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("out of range") from error
    match term.operator:
        case Operator.IS:
            return Bounds(_ns(start), _ns(stop))
        case Operator.LESS:
            return Bounds(None, _ns(start))
        case Operator.AT_MOST:
            return Bounds(None, _ns(stop))
        case Operator.MORE:
            return Bounds(_ns(stop), None)
        case Operator.AT_LEAST:
            return Bounds(_ns(start), None)


def _older_or_newer(operator: Operator, moment: int) -> Bounds:
    match operator:
        case Operator.MORE:
            return Bounds(None, moment)
        case Operator.AT_LEAST:
            return Bounds(None, moment + 1)
        case Operator.LESS:
            return Bounds(moment + 1, None)
        case Operator.AT_MOST:
            return Bounds(moment, None)
        case Operator.IS:
            raise ValueError("an age is compared with < or >")


def _period(when: str, now: datetime) -> tuple[datetime, datetime]:
    if when in WORDS:
        return _named_period(when, now.replace(hour=0, minute=0, second=0, microsecond=0))
    match = _DAY.fullmatch(when)
    if match is None:
        raise ValueError("neither a day nor an age")
    year, month, day, hour, minute, second = (None if part is None else int(part) for part in match.groups())
    start = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
    if second is not None:
        return start, start + timedelta(seconds=1)
    if minute is not None:
        return start, start + timedelta(minutes=1)
    if day is not None:
        return start, start + timedelta(days=1)
    return start, _next_month(start) if month is not None else _next_year(start)


def _named_period(word: str, today: datetime) -> tuple[datetime, datetime]:
    if word in {"today", "yesterday"}:
        start = today - timedelta(days=word == "yesterday")
        return start, start + timedelta(days=1)
    which, _, span = word.partition("-")
    is_last = which == "last"
    if span == "week":
        start = today - timedelta(days=today.weekday() + 7 * is_last)
        return start, start + timedelta(days=7)
    if span == "month":
        start = today.replace(day=1)
        start = (start - timedelta(days=1)).replace(day=1) if is_last else start
        return start, _next_month(start)
    start = today.replace(year=today.year - is_last, month=1, day=1)
    return start, _next_year(start)


def _next_month(start: datetime) -> datetime:
    return (start + timedelta(days=31)).replace(day=1)


def _next_year(start: datetime) -> datetime:
    return start.replace(year=start.year + 1)


def _ns(moment: datetime) -> int:
    since = moment - datetime.fromtimestamp(0, UTC)
    nanoseconds = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    return min(max(nanoseconds, -NS_MAX), NS_MAX)
