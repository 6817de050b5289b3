"""A backend that may be out of reach: it says so at once, and comes back by itself."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import structlog

from cloudconnect.kernel.clock import monotonic
from cloudconnect.kernel.errors import CloudConnectError, Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.storage.backends import Backend, Orphan, abort_uploads, forget, look
from cloudconnect.storage.errors import BackendDenied, BackendUnreachable

words = structlog.get_logger()

Result = TypeVar("Result")

_PAUSE_SECONDS: Final = 5.0


class AwayBackend:
    """The backend *name*, which *open* makes when it is first asked; *open* may refuse as long as it is away.

    Once it did not answer, one caller in five seconds tries it again and all others are refused at once, so what does
    not need it goes on. Any method may be called from any thread.
    """

    def __init__(self, name: str, make: Callable[[], Backend], pause_seconds: float | None = None) -> None:
        self._name = name
        self._make = make
        self._pause_seconds = _PAUSE_SECONDS if pause_seconds is None else pause_seconds
        self._lock = threading.Lock()
        self._inner: Backend | None = None
        self._away_since: float | None = None
        self._reason = ""

    @property
    def is_away(self) -> bool:
        """Whether it did not answer when it was last asked."""
        return self._away_since is not None

    def look(self) -> None:
        """Find out whether it answers; ``is_away`` tells."""
        try:
            self._ask(look)
        except BackendUnreachable:
            return

    def put(self, name: str, spool: Path) -> None:
        """Put into the backend."""
        self._ask(lambda inner: inner.put(name, spool))

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Read from the backend."""
        return self._ask(lambda inner: inner.read(name, offset, length))

    def size(self, name: str) -> int | None:
        """Ask the backend."""
        return self._ask(lambda inner: inner.size(name))

    def names(self) -> Iterator[tuple[str, int]]:
        """Ask the backend."""
        yield from self._ask(lambda inner: list(inner.names()))

    def set_aside(self, name: str) -> None:
        """Move it in the backend."""
        self._ask(lambda inner: inner.set_aside(name))

    def orphans(self) -> Iterator[Orphan]:
        """Ask the backend."""
        yield from self._ask(lambda inner: list(inner.orphans()))

    def delete(self, name: str) -> None:
        """Remove it from the backend."""
        self._ask(lambda inner: inner.delete(name))

    def abort_uploads(self, now: datetime) -> int:
        """Ask the backend."""
        return self._ask(lambda inner: abort_uploads(inner, now))

    def forget(self, name: str) -> None:
        """Have the backend read it anew."""
        if self._inner is not None:
            forget(self._inner, name)

    def _ask(self, call: Callable[[Backend], Result]) -> Result:
        self._refuse_while_away()
        try:
            result = call(self._open())
        except (BackendUnreachable, BackendDenied, Invalid) as error:
            self._note(error)
            raise self._refusal() from error
        self._note(None)
        return result

    def _refuse_while_away(self) -> None:
        with self._lock:
            if self._away_since is None:
                return
            now = monotonic()
            if now - self._away_since < self._pause_seconds:
                raise self._refusal()
            # This caller finds out; the others are refused until it has.
            self._away_since = now

    def _open(self) -> Backend:
        with self._lock:
            if self._inner is None:
                self._inner = self._make()
            return self._inner

    def _note(self, error: CloudConnectError | None) -> None:
        with self._lock:
            was_away, self._away_since = self._away_since is not None, None if error is None else monotonic()
            self._reason = "" if error is None else error.code
        if error is not None and not was_away:
            words.warning("storage.away", backend=self._name, code=error.code)
        if error is None and was_away:
            words.info("storage.back", backend=self._name)

    def _refusal(self) -> BackendUnreachable:
        return BackendUnreachable(
            N_("The storage “{name}” does not answer ({reason})."),
            fix=N_("Try again in a moment; see what is wrong with it: cloudconnect storage test {name}"),
            name=self._name,
            reason=self._reason,
            retry_after_seconds=int(self._pause_seconds),
        )
