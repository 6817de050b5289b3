"""Locks."""

from datetime import datetime

from cloudconnect.wire.shape import Answer


class Lock(Answer, frozen=True):
    """A word of somebody who means to write: until ``expires`` nobody else changes what it covers; times UTC.

    ``deep`` covers everything below ``path`` too; a ``shared`` one may stand beside others.
    """

    id: str
    path: str
    owner: str
    owner_name: str
    shared: bool
    deep: bool
    created: datetime
    expires: datetime
