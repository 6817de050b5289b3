"""What all lists share: how long a page is, and where it goes on."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from cloudconnect.kernel.paging import MAX_LIMIT, Page
from cloudconnect.wire.shape import PageAnswer

Item = TypeVar("Item")
Shape = TypeVar("Shape")

Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT, description="How many items a page has at most.")]
Cursor = Annotated[str, msgspec.Meta(max_length=12_000, description="The next_cursor of the page before.")]
Moment = Annotated[
    str, msgspec.Meta(max_length=120, description="A moment in the past: 3h, 2026-11-01T12:00Z, seq:120, a snapshot.")
]


def to_page(page: Page[Item], to_shape: Callable[[Item], Shape]) -> PageAnswer[Shape]:
    """Return *page* as it crosses HTTP."""
    return PageAnswer([to_shape(item) for item in page.items], page.next_cursor, page.next_cursor is not None)
