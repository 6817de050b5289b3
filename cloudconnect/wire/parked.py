"""Facts that a listener gave up on."""

from datetime import datetime

from cloudconnect.wire.shape import Answer


class ParkedFact(Answer, frozen=True):
    """A fact that ``listener`` failed on ``attempts`` times, last for the reason ``error``; ``kind`` is that of it."""

    id: str
    listener: str
    position: int
    kind: str
    space: str | None
    attempts: int
    error: str
    parked: datetime
