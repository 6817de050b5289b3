"""Signed-in devices."""

from datetime import datetime

from cloudconnect.wire.shape import Answer


class Session(Answer, frozen=True):
    """One signed-in device."""

    id: str
    device: str
    address: str
    method: str
    created: datetime
    seen: datetime
    expires: datetime
    is_current: bool


class Ended(Answer, frozen=True):
    """How many sessions were ended."""

    ended: int
