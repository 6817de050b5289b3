"""Pages of folders: each goes on with the moment that the first one showed."""

from collections.abc import Callable

from cloudconnect.features.files.models import Entry, Listing
from cloudconnect.features.files.service.places import Place, list_folder, mark_of, walk
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.ports.sql import Sql


def parse_cursor(cursor: str | None) -> tuple[int | None, str]:
    """Return the seq whose listing *cursor* goes on with, and the place after which it does."""
    if cursor is None:
        return None, ""
    seq, after = decode_cursor(cursor, int, str)
    return int(seq), str(after)


def page_of_children(sql: Sql, place: Place, after: str, limit: int, listing: Listing) -> Page[Entry]:
    """Return up to *limit* children of the folder at *place* that come after the mark *after* in this *listing*.

    Raises:
        NoSuchEntry: nothing is there.
        NotAFolder: a file is.
    """
    found = list_folder(sql, place.require_folder(), place.at, after, limit + 1, listing)
    return _page(place, found, limit, lambda entry: mark_of(entry, listing))


def page_of_descendants(sql: Sql, place: Place, after: str, limit: int) -> Page[Entry]:
    """Return up to *limit* entries below the folder at *place*, depth first, after the one at the path *after*.

    Raises:
        NoSuchEntry: nothing is there.
        NotAFolder: a file is.
    """
    folder = place.require_folder()
    seen = tuple(after.split("/")) if after else ()
    prefix = len(folder.path.rstrip("/")) + 1
    found = [entry for _, entry in zip(range(limit + 1), walk(sql, folder, place.at, seen), strict=False)]
    return _page(place, found, limit, lambda entry: entry.path[prefix:])


def _page(place: Place, found: list[Entry], limit: int, key: Callable[[Entry], str]) -> Page[Entry]:
    if len(found) <= limit:
        return Page(found)
    seq = place.space.seq if place.at is None else place.at
    return Page(found[:limit], encode_cursor(seq, key(found[limit - 1])))
