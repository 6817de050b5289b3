"""Passwords: hashing them slowly and judging how guessable they are."""

from collections.abc import Sequence
from typing import Protocol


class Passwords(Protocol):
    """Hashes and judges passwords off the event loop; a hash carries its own parameters and the pepper's version."""

    async def hash(self, password: str) -> str:
        """Return what to store of *password*."""
        ...

    async def is_right(self, password: str, stored: str | None) -> bool:
        """Tell whether *password* is the stored one; None costs the same time and is never right."""
        ...

    def is_outdated(self, stored: str) -> bool:
        """Tell whether *stored* was made with weaker parameters than are in force, and should be made anew."""
        ...

    async def is_guessable(self, password: str, words: Sequence[str]) -> bool:
        """Tell whether an attacker who knows *words* about the owner would soon guess *password*."""
        ...
