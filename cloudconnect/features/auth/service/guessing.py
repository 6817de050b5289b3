"""Slowing down whoever guesses passwords."""

from datetime import timedelta

from cloudconnect.features.auth import rules
from cloudconnect.features.auth.errors import TooManyAttempts
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.text import N_

_REMEMBERED = 10_000


class Guesses:
    """Remembers wrong guesses by what they have in common: an account, an address, a device."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, rules.Failures] = {}

    def check(self, keys: tuple[str, ...]) -> None:
        """Return if somebody may try who has these *keys*.

        Raises:
            TooManyAttempts: wrong guesses with one of them came too fast.
        """
        now = self._clock.now()
        wait = max((self._failures[key].wait(now) for key in keys if key in self._failures), default=timedelta(0))
        if wait > timedelta(0):
            seconds = round(wait.total_seconds() + 0.5)
            raise TooManyAttempts(
                N_("Wait {seconds} seconds before the next attempt."), retry_after_seconds=seconds, seconds=seconds
            )

    def note(self, keys: tuple[str, ...]) -> None:
        """Note a wrong guess."""
        now = self._clock.now()
        if len(self._failures) >= _REMEMBERED:
            self._failures = {key: seen for key, seen in self._failures.items() if seen.wait(now) > timedelta(0)}
        for key in keys:
            self._failures[key] = self._failures.get(key, rules.Failures(0, now)).another(now)

    def forgive(self, key: str) -> None:
        """Forget the wrong guesses with *key*: somebody has guessed right."""
        self._failures.pop(key, None)
