"""What every fact has."""

from dataclasses import dataclass
from typing import ClassVar

from cloudconnect.kernel.ids import SpaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that has happened; immutable. ``subject`` is the id of the thing it happened to.

    Facts are public language: fields are only ever added, with a default.
    """

    kind: ClassVar[str] = ""
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFact(Fact):
    """Something that has happened in a space; it gets a place in that space's own log."""

    space: SpaceId
