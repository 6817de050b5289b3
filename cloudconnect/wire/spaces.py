"""Spaces as wholes."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.accounting import QuotaBytes
from cloudconnect.wire.shape import Answer, Request

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, examples=["Photos"])]


class Space(Answer, frozen=True):
    """A tree with one owner and one key domain; ``seq`` counts the facts in its log.

    ``used_bytes`` are of its files and its trash without older versions, ``quota_bytes`` what they may come to; null
    is any. While it is ``archived`` nothing in it changes.
    """

    id: str
    name: str
    kind: str
    owner: str
    root: str
    seq: int
    created: datetime
    used_bytes: int
    quota_bytes: int | None
    archived: datetime | None


class ChangedSpace(Space, frozen=True):
    """A space after a change of it, which ``undo`` takes back; empty where nothing changed."""

    undo: str = ""


class NewSpace(Request, frozen=True):
    """A space to be made; for the account called ``owner``, else for who asks."""

    name: Name
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    quota_bytes: QuotaBytes | None = None


class SpaceChange(Request, frozen=True):
    """What shall be different of a space; what is absent or null stays."""

    name: Name | None = None
    archived: bool | None = None
