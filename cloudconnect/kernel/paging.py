"""Lists come in pages, and a page ends with a cursor."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_

Item = TypeVar("Item")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000


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
    if not isinstance(keys, list) or [type(key) for key in keys] != list(types):
        raise BadCursor(fix=N_("Start the list again without a cursor."))
    return tuple(keys)
