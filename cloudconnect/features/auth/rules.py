"""What names and passwords must be like, and how long a guesser waits."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudconnect.features.auth.errors import BadName, WeakPassword
from cloudconnect.kernel.text import N_

PASSWORD_MIN = 8
PASSWORD_MAX = 256
LINK_LIFE = timedelta(minutes=10)
SETUP_LINK_LIFE = timedelta(hours=24)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}[a-z0-9]|[a-z0-9]")
_FREE_ATTEMPTS = 5
_LONGEST_WAIT = timedelta(minutes=15)
_FORGIVEN_AFTER = timedelta(hours=1)


def parse_name(text: str) -> str:
    """Return the account name that *text* stands for, in lower case.

    Raises:
        BadName: it is not 1 to 64 of ``a-z 0-9 . _ -``, beginning and ending with a letter or digit.
    """
    name = unicodedata.normalize("NFKC", text).strip().lower()
    if _NAME.fullmatch(name) is None:
        raise BadName(fix=N_("Use 1 to 64 of the characters a-z, 0-9, dot, dash and underscore."))
    return name


def check_length(password: str) -> None:
    """Return if *password* has an acceptable length.

    Raises:
        WeakPassword: it is shorter than 8 or longer than 256 characters.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise WeakPassword(
            N_("A password has {least} to {most} characters."),
            fix=N_("Four unrelated words make a good one."),
            least=PASSWORD_MIN,
            most=PASSWORD_MAX,
        )


@dataclass(frozen=True, slots=True)
class Failures:
    """How often in a row somebody guessed wrong, and when last."""

    count: int
    last: datetime

    def wait(self, now: datetime) -> timedelta:
        """Return how long the next attempt has to wait: nothing at first, then doubling from 1 s to 15 minutes."""
        if self.count < _FREE_ATTEMPTS or now - self.last > _FORGIVEN_AFTER:
            return timedelta(0)
        pause = min(timedelta(seconds=2 ** min(self.count - _FREE_ATTEMPTS, 12)), _LONGEST_WAIT)
        return max(self.last + pause - now, timedelta(0))

    def another(self, now: datetime) -> "Failures":
        """Return the count after one more wrong guess at *now*."""
        count = 0 if now - self.last > _FORGIVEN_AFTER else self.count
        return Failures(count + 1, now)
