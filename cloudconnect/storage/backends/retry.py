"""What is tried again when a bucket does not answer as it should, for how long, and what is said in the end."""

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from obstore.exceptions import (
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.storage.errors import BackendDenied, BackendUnreachable, StoreFull

_FULL: Final = re.compile(r"QuotaExceeded|StorageFull|InsufficientCapacity|NotEnoughSpace|\b507 Insufficient Storage")
_NO_BUCKET: Final = re.compile(r"NoSuchBucket|ContainerNotFound")
_STATUS: Final = re.compile(r"status(?: code)?:? (\d{3})|\b([45]\d\d) [A-Z]")
_DENIED: Final = frozenset({401, 403})
_TEMPORARY: Final = frozenset({408, 409, 425, 429})
_FINAL_KINDS: Final = (
    PermissionDeniedError,
    UnauthenticatedError,
    NotSupportedError,
    InvalidPathError,
    UnknownConfigurationKeyError,
)


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential back-off with full jitter: each wait is drawn below a bound that doubles; all end after *total*.

    Source: M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015.
    """

    total_seconds: float = 60.0
    first_seconds: float = 0.2
    most_seconds: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def waits(self) -> Iterator[bool]:
        """Wait, and yield True, as often as it is worth to try again."""
        end = self.monotonic() + self.total_seconds
        bound = self.first_seconds
        while True:
            wait = random.uniform(bound / 10, bound)  # noqa: S311 - spreads load, guards nothing
            if self.monotonic() + wait >= end:
                return
            self.sleep(wait)
            yield True
            bound = min(bound * 2, self.most_seconds)


def is_final(error: Exception) -> bool:
    """Tell whether to try again would get the same answer: rights, quotas, and what the server calls our mistake."""
    if isinstance(error, _FINAL_KINDS) or _FULL.search(str(error)):
        return True
    status = _status(error)
    return 400 <= status < 500 and status not in _TEMPORARY  # noqa: PLR2004 - HTTP's class of our mistakes


def is_whole_bucket_missing(error: FileNotFoundError) -> bool:
    """Tell whether nothing is there at all, which says something of the settings and nothing of an object."""
    return _NO_BUCKET.search(str(error)) is not None


def refusal(error: Exception) -> CloudConnectError:
    """Return what people are told of *error*, without a word that the server or the library has said."""
    status = _status(error)
    if _FULL.search(str(error)):
        return StoreFull(
            N_("The bucket takes no more: its quota is used up."),
            fix=N_("Raise the quota or remove something, then try again."),
        )
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in _DENIED:
        return BackendDenied(
            N_("The object storage does not accept the credentials, or they do not allow this."),
            fix=N_("Check the credentials file and the rights of its key to the bucket."),
        )
    return BackendUnreachable(
        N_("The object storage does not answer as it should ({reason})."),
        fix=N_("Try again in a moment; if this stays, check the endpoint, the bucket and the network."),
        reason=f"HTTP {status}" if status else type(error).__name__,
    )


def _status(error: Exception) -> int:
    found = _STATUS.search(str(error))
    return int(found[1] or found[2]) if found else 0
