"""An answer that comes later, on whichever thread has it; ``concurrent.futures.Future`` is one."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

Result_co = TypeVar("Result_co", covariant=True)


class Answer(Protocol[Result_co]):
    """What somebody has been asked for and will give, or refuse."""

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None:
        """Call *fn* with this answer once it is there, at once if it is there already."""
        ...

    def exception(self) -> BaseException | None:
        """Wait for the answer; return the refusal if it is one."""
        ...

    def result(self) -> Result_co:
        """Wait for the answer and return it; raise it if it is a refusal."""
        ...
