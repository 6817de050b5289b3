"""Lists come in pages, and a page ends with a cursor."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_

Item = TypeVar("Item")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000

_LARGEST = 1 << 62
_YEAR_9999_MS = 253_370_764_800_000
_LONE = re.compile("[\ud800-\udfff]")


class BadCursor(Invalid):
    """A cursor that this listing did not hand out."""

    code = "paging.bad-cursor"
    title = N_("The cursor is not valid")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list and the cursor for the next ones, None at the end."""

    items: Sequence[Item]
    next_cursor: str | None = None


def encode_cursor(*keys: str | int) -> str:
    """Return the opaque cursor that stands behind the item whose sort keys are *keys*."""
    text = json.dumps(keys, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: type[str] | type[int]) -> tuple[str | int, ...]:
    """Return the sort keys in *cursor*, which must be of the given *types*.

    Raises:
        BadCursor: the text was not made by ``encode_cursor`` for such keys.
    """
    try:
        keys = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadCursor(fix=N_("Start the list again without a cursor.")) from error
    if not isinstance(keys, list) or [type(key) for key in keys] != list(types) or not all(map(_is_key, keys)):
        raise BadCursor(fix=N_("Start the list again without a cursor."))
    return tuple(keys)


def to_moment(key: str | int) -> datetime:
    """Return the moment that a sort key in a cursor stands for, which is in milliseconds since 1970.

    Raises:
        BadCursor: there is no such moment.
    """
    if not 0 <= int(key) < _YEAR_9999_MS:
        raise BadCursor(fix=N_("Start the list again without a cursor."))
    return from_ms(int(key))


def _is_key(key: str | int) -> bool:
    """Tell whether a database can compare *key*: no more than it can count, and text that it can hold."""
    if isinstance(key, int):
        return abs(key) < _LARGEST
    return "\0" not in key and not _LONE.search(key)
