"""Reading again what could not be read: one error of a disk or a network says nothing of what is stored."""

import threading
from collections.abc import Callable
from typing import Final

_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.02


def read_again(read: Callable[[], bytes]) -> bytes:
    """Return what *read* returns, trying up to three times while it raises OSError.

    Raises:
        FileNotFoundError: at once, as what is not there does not come by asking again.
        OSError: the third try failed as well.
    """
    for number in range(1, _TRIES):
        try:
            return read()
        except FileNotFoundError:
            raise
        except OSError:
            threading.Event().wait(_PAUSE_SECONDS * number)
    return read()
