"""Refusals: what CloudConnect says on purpose when it will not do something.

The kinds know no protocol; each face has one table from kind to status or exit code. A room refines a kind, gives it a
``code`` of the form ``<room>.<what>`` and a ``title``; the place that raises adds the detail and the way out.

    CloudConnectError
    ├── Invalid           the request itself is wrong
    │   └── Unsupported   understood, but not offered here
    ├── Unauthenticated   nobody is signed in
    │   └── StepUp        signed in, but too long ago for this
    ├── Denied            you may not
    ├── NotFound          it is not there, or not for you
    ├── Conflict          the world is not as the request assumes
    │   ├── PreconditionFailed    an If-Match or If-None-Match did not hold
    │   ├── PreconditionRequired  say which state you mean
    │   └── Busy          somebody holds it; try again
    │       └── Locked    somebody said that he means to write
    ├── TooLarge          over a stated limit
    ├── Exhausted         out of quota, rate or count
    ├── NoSpace           the disk is full
    ├── Unavailable       not now, through no fault of yours
    └── Damaged           stored bytes are not what they were
"""

from typing import ClassVar

from cloudconnect.kernel.text import N_, Text


class CloudConnectError(Exception):
    """The root of every refusal.

    ``detail`` says what was wrong, ``fix`` what to do about it, ``facts`` are machine-readable members that a face may
    show beside them. ``retry_after_seconds`` is set where waiting helps.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = N_("Something went wrong")

    def __init__(
        self,
        detail: str = "",
        *,
        fix: str = "",
        retry_after_seconds: int | None = None,
        **facts: str | int,
    ) -> None:
        self.detail = Text(detail or self.title, facts)
        self.fix = Text(fix, facts) if fix else None
        self.facts = facts
        self.retry_after_seconds = retry_after_seconds
        super().__init__(str(self.detail))


class Invalid(CloudConnectError):
    """The request itself is wrong: no state of the world would make it right."""

    code = "invalid"
    title = N_("The request is not valid")


class Unsupported(Invalid):
    """The request is understood but not offered here."""

    code = "unsupported"
    title = N_("This is not supported")


class Unauthenticated(CloudConnectError):
    """Nobody is signed in, or what was shown as proof no longer holds."""

    code = "unauthenticated"
    title = N_("Please sign in")


class StepUp(Unauthenticated):
    """Signed in, but this act asks for a fresh proof."""

    code = "step-up"
    title = N_("Please confirm that it is you")


class Denied(CloudConnectError):
    """The principal is known, sees the resource and may not do this to it."""

    code = "denied"
    title = N_("You may not do this")


class NotFound(CloudConnectError):
    """It does not exist, or not for this principal: the two look the same on purpose."""

    code = "not-found"
    title = N_("Not found")


class Conflict(CloudConnectError):
    """The world is not as the request assumes."""

    code = "conflict"
    title = N_("This conflicts with what is there")


class PreconditionFailed(Conflict):
    """A stated precondition does not hold (RFC 9110, section 13)."""

    code = "precondition-failed"
    title = N_("It has changed since you looked")


class PreconditionRequired(Conflict):
    """The act needs a precondition and got none (RFC 6585, section 3)."""

    code = "precondition-required"
    title = N_("Say which state you mean")


class Busy(Conflict):
    """Somebody else holds what is needed."""

    code = "busy"
    title = N_("Somebody else is using this")


class Locked(Busy):
    """Somebody else holds a lock on it, until a moment that the refusal names (RFC 4918, section 11.3)."""

    code = "locked"
    title = N_("Somebody else has locked this")


class TooLarge(CloudConnectError):
    """Over a stated limit of size or length."""

    code = "too-large"
    title = N_("This is too large")


class Exhausted(CloudConnectError):
    """Out of rate, count or quota."""

    code = "exhausted"
    title = N_("A limit is reached")


class NoSpace(CloudConnectError):
    """There is no room left to store this."""

    code = "no-space"
    title = N_("There is no space left")


class Unavailable(CloudConnectError):
    """Not possible now, through no fault of the asker."""

    code = "unavailable"
    title = N_("This is not possible right now")


class Damaged(CloudConnectError):
    """Stored bytes are not what was stored; they are never served as whole."""

    code = "damaged"
    title = N_("The stored content is damaged")
