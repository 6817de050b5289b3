"""How long a key service is waited for, how often it is asked again, and what is said when it does not help."""

import random
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, TypeVar

from cloudconnect.kernel.text import N_
from cloudconnect.storage.key_service import KeyServiceAway, KeyServiceRefuses

MOST_SECONDS: Final = 5.0
_RETRY_AFTER_SECONDS: Final = 10
_WORD: Final = re.compile(r"[A-Za-z0-9 ._-]{1,64}")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """Each attempt ends after *timeout_seconds*, at most ``MOST_SECONDS``; there are at most *attempts*.

    Between two of them lies a wait that is drawn below a bound, which doubles.
    """

    timeout_seconds: float = MOST_SECONDS
    attempts: int = 3
    first_wait_seconds: float = 0.2
    sleep: Callable[[float], None] = time.sleep

    @property
    def seconds(self) -> float:
        """How long one attempt may take."""
        return min(self.timeout_seconds, MOST_SECONDS)

    def call(self, service: str, work: Callable[[], Result]) -> Result:
        """Return what *work* returns; it may run several times, and go on in its thread when nobody waits any more.

        Raises:
            KeyServiceAway: the last attempt raised it or took too long.
        """
        for repetition in range(self.attempts - 1):
            try:
                return self._once(service, work)
            except KeyServiceAway:
                bound = self.first_wait_seconds * 2**repetition
                self.sleep(random.uniform(bound / 10, bound))  # noqa: S311 - spreads load, guards nothing
        return self._once(service, work)

    def _once(self, service: str, work: Callable[[], Result]) -> Result:
        # A library's own time limits are for each packet, and a device's driver has none: only a thread can be left.
        future: Future[Result] = Future()
        threading.Thread(target=_run, args=(work, future), name=f"key-service-{service}", daemon=True).start()
        try:
            return future.result(self.seconds)
        except TimeoutError:
            raise away(service, "timeout") from None


def away(service: str, reason: str) -> KeyServiceAway:
    """Return the refusal for a *service* that does not answer as it should."""
    return KeyServiceAway(
        N_("The key service {service} does not answer as it should ({reason})."),
        fix=N_("Check the network and the settings in keys.kms, then try again; the recovery code needs no service."),
        retry_after_seconds=_RETRY_AFTER_SECONDS,
        service=service,
        reason=_word(reason),
    )


def refuses(service: str, key: str, reason: str) -> KeyServiceRefuses:
    """Return the refusal for a *service* that says no, with its own word for why."""
    return KeyServiceRefuses(
        N_("The key service {service} refuses to use the key {key} ({reason})."),
        fix=N_("Check the name of the key, that it is enabled, and that this machine may encrypt and decrypt with it."),
        service=service,
        key=key,
        reason=_word(reason),
    )


def _word(reason: str) -> str:
    """Return *reason* if it is a plain word: what a server says beyond that may quote what it was sent."""
    return reason if _WORD.fullmatch(reason) else "no reason given"


def _run(work: Callable[[], Result], future: Future[Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it is raised again where the result is waited for
        future.set_exception(error)
