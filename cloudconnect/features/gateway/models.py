"""The nouns of the gateway room."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remembered:
    """The answer to an earlier request: what it asked (``fingerprint``), and what came back."""

    fingerprint: bytes
    status: int
    headers: dict[str, str]
    body: bytes
