"""The decisions of the operations room."""

from cloudconnect.features.operations.models import State

_LEAST_SECONDS = 2.0

OPEN_STATES = (State.WAITING, State.RUNNING, State.PAUSED)
"""The states of an operation that has not ended."""

RESUMABLE_STATES = (State.PAUSED, State.FAILED)
"""The states from which an operation can go on."""


def remaining_seconds(done: int, total: int, seconds: float) -> float | None:
    """Return how long the rest takes if *done* units took *seconds*, None while that says too little."""
    if not total or done <= 0 or done > total or seconds < _LEAST_SECONDS:
        return None
    return seconds / done * (total - done)
