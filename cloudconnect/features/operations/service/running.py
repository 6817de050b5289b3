"""One run of an operation, between the thread that works and the room that watches it."""

import threading
import time

from cloudconnect.features.operations import rules, store
from cloudconnect.features.operations.models import Operation, State
from cloudconnect.ports.operations import Interrupted, Outcome


class Run:
    """One run of an operation: what its thread tells and what it is asked to do (``ports.operations.Progress``)."""

    def __init__(self, operation: Operation) -> None:
        self.id = operation.id
        self.kind = operation.kind
        self.parameters = operation.parameters
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._began_done: int | None = None
        self._worked_before = operation.worked_seconds
        self._done, self._total, self._note = operation.done, operation.total, operation.note
        self._checkpoint = operation.checkpoint
        self._outcome: Outcome = {}
        self._end_as: State | None = None
        self.is_interrupted = False

    @property
    def checkpoint(self) -> str:
        """What was kept last (as ``Progress`` says, like all that the thread calls)."""
        return self._checkpoint

    def report(self, done: int, total: int, note: str = "") -> None:
        """Tell how much is done."""
        with self._lock:
            if self._began_done is None:
                self._began_done = done
            self._done, self._total, self._note = done, total, note

    def keep(self, checkpoint: str) -> None:
        """Keep where a later run may begin."""
        with self._lock:
            self._checkpoint = checkpoint

    def tell(self, outcome: Outcome) -> None:
        """Tell what it has come to so far."""
        with self._lock:
            self._outcome = outcome

    @property
    def outcome(self) -> Outcome:
        """What was told last."""
        with self._lock:
            return self._outcome

    def check(self) -> None:
        """Return unless the run has to end.

        Raises:
            Interrupted: it has.
        """
        if self.is_interrupted:
            raise Interrupted

    def interrupt(self, end_as: State | None) -> None:
        """Ask the run to end; None means that it goes on after the next start."""
        self._end_as = end_as
        self.is_interrupted = True

    @property
    def end_as(self) -> State | None:
        """The state that the one who interrupted it wants, None where it goes on after the next start."""
        return self._end_as

    def standing(self) -> store.Standing:
        """Return how far it is, as the table takes it."""
        with self._lock:
            worked = self._worked_before + time.monotonic() - self._began
            return store.Standing(self._done, self._total, self._note, self._checkpoint, int(worked * 1000))

    def remaining_seconds(self) -> float | None:
        """Return how long it still takes at the pace of this run, None where nobody can say."""
        with self._lock:
            first = self._began_done or 0
            return rules.remaining_seconds(self._done - first, self._total - first, time.monotonic() - self._began)
