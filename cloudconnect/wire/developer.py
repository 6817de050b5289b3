"""Tokens for programs."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request


class NewToken(Request, frozen=True):
    """A token to make; no scopes means those for files, no days means it does not end by itself."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100, examples=["backup script"])]
    scopes: list[str] = []
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None


class Token(Answer, frozen=True):
    """A token as it is listed."""

    id: str
    name: str
    scopes: list[str]
    created: datetime
    expires: datetime | None
    used: datetime | None
    used_address: str


class MadeToken(Answer, frozen=True):
    """A new token; ``token`` is shown here and never again."""

    token: str
    id: str
    name: str
    scopes: list[str]
    expires: datetime | None
