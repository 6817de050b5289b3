"""What all shapes on the wire share."""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body that a client sends; a member we do not know is refused, so that a typing error never passes silently."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=False):
    """A body that we send; clients ignore members they do not know."""


class PageAnswer(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list; ``next_cursor`` is null on the last one."""

    data: list[Item]
    next_cursor: str | None = None
    has_more: bool = False


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with a request: a JSON pointer (RFC 6901) to it and a sentence."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True):
    """An error as seen over HTTP (RFC 9457): ``application/problem+json``."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str
    retryable: bool = False
    fix: str | None = None
    errors: list[FieldError] = []


class Health(Answer, frozen=True):
    """Whether the appliance lives, or is ready, and what each check found."""

    status: str
    checks: dict[str, str] = {}


class Status(Answer, frozen=True):
    """The appliance as its administrator sees it; times UTC, sizes in bytes."""

    version: str
    started: datetime
    position: int
    database: str
    schema: str
    storage: str
    store_state: str
    packs: int
    stored_bytes: int
    free_bytes: int
    users: int
    spaces: int
    listeners: dict[str, int]
    parked: int
    damaged_packs: int
    damaged_chunks: int
    damaged_files: int
    away: list[str]
    database_check: str
