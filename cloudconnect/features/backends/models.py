"""The nouns of the backends room."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A backend: where it is, whether new packs go there, and how much it holds in packs and bytes."""

    name: str
    kind: str
    where: str
    is_target: bool
    packs: int
    size: int
