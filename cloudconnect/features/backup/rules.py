"""Which backups stay, and when a place needs attention."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cloudconnect.features.backup.models import Keep, PlaceFacts

VERIFIED_WITHIN = timedelta(days=7)
"""A place that is fed by the clock and has no backup that was proved for so long is told of."""

_CALENDARS = {"daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m"}


def choose_kept(moments: Sequence[tuple[str, datetime]], keep: Keep) -> set[str]:
    """Return the ids that stay of backups given by id and moment; the newest always does.

    Of each of the last days, weeks (ISO 8601) and months that have any, the newest backup stays.
    """
    newest_first = sorted(moments, key=lambda each: (each[1], each[0]), reverse=True)
    kept = {identifier for identifier, _ in newest_first[: max(keep.last, 1)]}
    for name, form in _CALENDARS.items():
        seen: dict[str, str] = {}
        for identifier, moment in newest_first:
            seen.setdefault(moment.strftime(form), identifier)
        kept.update(list(seen.values())[: getattr(keep, name)])
    return kept


def is_due(place: PlaceFacts, now: datetime) -> bool:
    """Tell whether the clock asks for a backup at *place*."""
    if place.every_hours is None:
        return False
    return place.backed_up is None or now - place.backed_up >= timedelta(hours=place.every_hours)


def is_overdue(place: PlaceFacts, now: datetime) -> bool:
    """Tell whether no backup came to a scheduled *place* for twice its interval."""
    if place.every_hours is None:
        return False
    since = max((each for each in (place.backed_up, place.scheduled) if each is not None), default=now)
    return now - since >= 2 * timedelta(hours=place.every_hours)


def needs_proof(place: PlaceFacts, now: datetime, within: timedelta = VERIFIED_WITHIN) -> bool:
    """Tell whether no backup at a scheduled *place* was proved lately."""
    return place.every_hours is not None and (place.verified is None or now - place.verified > within)
