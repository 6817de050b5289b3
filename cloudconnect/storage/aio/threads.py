"""The engine's threads, as the event loop sees them."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Threads:
    """The one bounded pool in which the engine works."""

    def __init__(self, count: int | None = None) -> None:
        """Begin with *count* threads, one for each processor by default."""
        self._pool = ThreadPoolExecutor(count or os.cpu_count() or 1, thread_name_prefix="engine")

    def run(
        self, function: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> asyncio.Future[Result]:
        """Have a thread call *function*."""
        return asyncio.wrap_future(self._pool.submit(function, *arguments, **named))

    def leave(self, function: Callable[[], object]) -> None:
        """Have a thread call *function*; nobody waits for it, and what it raises is nobody's."""
        self._pool.submit(function)

    def close(self) -> None:
        """Wait for what is being done, and end the threads."""
        self._pool.shutdown()


def take_outcome(future: "asyncio.Future[None]") -> None:
    """Take what *future* raised, for a caller that has stopped waiting for it."""
    if not future.cancelled():
        future.exception()
