"""What exit codes mean; scripts may rely on them, and treat an unknown one as a failure."""

from cloudconnect.kernel import errors
from cloudconnect.kernel.errors import CloudConnectError

OK = 0
GENERIC = 1
USAGE = 2
PARTIAL = 3
INTEGRITY = 7
NOT_INITIALISED = 10
LOCKED = 11
NO_SPACE = 8
BROKEN_PIPE = 141
WRONG_KEY = 12
NEEDS_CONFIRMATION = 14
INTERRUPTED = 130

EXIT: dict[type[CloudConnectError], int] = {
    errors.Invalid: 2,
    errors.Unsupported: 2,
    errors.Unauthenticated: 5,
    errors.StepUp: 5,
    errors.Denied: 5,
    errors.NotFound: 4,
    errors.Conflict: 6,
    errors.PreconditionFailed: 6,
    errors.PreconditionRequired: 6,
    errors.Busy: LOCKED,
    errors.Locked: LOCKED,
    errors.TooLarge: 8,
    errors.Exhausted: 8,
    errors.NoSpace: 8,
    errors.Unavailable: 9,
    errors.Damaged: INTEGRITY,
}

_BY_CODE = {
    "appliance.not-initialised": NOT_INITIALISED,
    "appliance.already-initialised": 6,
    "storage.wrong-key": WRONG_KEY,
    "cli.needs-confirmation": NEEDS_CONFIRMATION,
    "cli.operation-failed": GENERIC,
}


def exit_code(refusal: CloudConnectError) -> int:
    """Return the exit code for *refusal*: that of its code where it has one, else that of the kind it refines."""
    if refusal.code in _BY_CODE:
        return _BY_CODE[refusal.code]
    return next(EXIT[kind] for kind in type(refusal).__mro__ if kind in EXIT)
