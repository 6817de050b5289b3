"""Conditional requests and ranges (RFC 9110, sections 13 and 14)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from aiohttp import web

from cloudconnect.features.files import Condition, Entry
from cloudconnect.kernel.text import N_
from cloudconnect_web.problems import BadRequest

RANGES_MOST = 16
LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, in seconds since 1970: later ones have no HTTP date."""
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_RANGE = re.compile(r"(\d{0,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes from *start* up to *stop*, excluded."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many bytes these are."""
        return self.stop - self.start


class NotSatisfiable(Exception):
    """Every range lies outside the content."""


def quote(etag: str) -> str:
    """Return *etag* as a strong validator."""
    return f'"{etag}"'


def parse_condition(request: web.BaseRequest) -> Condition:
    """Return what If-Match and If-None-Match of *request* ask for.

    Raises:
        BadRequest: a list of entity tags cannot be read.
    """
    return Condition(_tags(request, "If-Match", is_strong=True), _tags(request, "If-None-Match", is_strong=False))


def is_unchanged(request: web.BaseRequest, entry: Entry) -> bool:
    """Tell whether the reader has this state already: If-None-Match, else If-Modified-Since."""
    tags = _tags(request, "If-None-Match", is_strong=False)
    if tags is not None:
        return "*" in tags or entry.etag in tags
    field = request.headers.get("If-Modified-Since")
    since = None if field is None else _parse_date(field)
    return since is not None and modified(entry) <= since


def modified(entry: Entry) -> datetime:
    """Return when *entry* was modified, in whole seconds as HTTP has them."""
    return datetime.fromtimestamp(min(max(entry.modified_ns // 1_000_000_000, 0), LAST_SECOND), UTC)


def http_date(moment: datetime) -> str:
    """Return *moment* as an HTTP date."""
    return format_datetime(moment, usegmt=True)


def parse_ranges(request: web.BaseRequest, entry: Entry, size: int) -> list[Range]:
    """Return the ranges *request* asks for of *size* bytes, none for the whole content.

    A field that cannot be read is ignored, as is one with more than 16 ranges, and one whose If-Range does not hold.

    Raises:
        NotSatisfiable: every range lies outside the content.
    """
    field = request.headers.get("Range")
    if field is None:
        return []
    unit, _, specs = field.partition("=")
    if unit.strip().lower() != "bytes" or not _is_current(request.headers.get("If-Range"), entry):
        return []
    parts = [part.strip() for part in specs.split(",") if part.strip()]
    if not parts or len(parts) > RANGES_MOST:
        return []
    found = []
    for part in parts:
        match = _RANGE.fullmatch(part)
        if match is None or part == "-" or (match[1] and match[2] and int(match[1]) > int(match[2])):
            return []
        start, stop = _resolve(match[1], match[2], size)
        if start < stop:
            found.append(Range(start, stop))
    if not found:
        raise NotSatisfiable
    return _coalesce(found) if len(found) > 1 else found


def _resolve(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


def _coalesce(ranges: list[Range]) -> list[Range]:
    """Join ranges that overlap or touch, so that nobody makes the server send the same bytes many times."""
    joined: list[Range] = []
    for each in sorted(ranges, key=lambda each: each.start):
        if joined and each.start <= joined[-1].stop:
            joined[-1] = Range(joined[-1].start, max(joined[-1].stop, each.stop))
        else:
            joined.append(each)
    return joined


def _is_current(if_range: str | None, entry: Entry) -> bool:
    if if_range is None:
        return True
    match = _TAG.fullmatch(if_range.strip())
    if match is not None:
        return not match[1] and match[2] == entry.etag
    moment = _parse_date(if_range)
    return moment is not None and moment == modified(entry)


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tags(request: web.BaseRequest, name: str, *, is_strong: bool) -> frozenset[str] | None:
    fields = request.headers.getall(name, [])
    if not fields:
        return None
    text = ", ".join(fields).strip()
    if text == "*":
        return frozenset({"*"})
    tags = [_TAG.fullmatch(part.strip()) for part in text.split(",")]
    if not all(tags):
        raise BadRequest(
            N_("{name} holds no list of entity tags."), fix=N_('Write it like "abc", or * for anything.'), name=name
        )
    return frozenset(tag[2] for tag in tags if tag is not None and not (is_strong and tag[1]))
