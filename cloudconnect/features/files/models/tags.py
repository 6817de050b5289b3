"""Tags, the fields that bound them, and what is found by them."""

from dataclasses import dataclass
from enum import StrEnum

from cloudconnect.features.files.models.entries import Entry
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.values import Value


@dataclass(frozen=True, slots=True)
class Tag:
    """A word on an entry, with a value or without; an entry has each name once."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class TagsChange:
    """All the tags that something has after a change of them, and what undoes it, empty if nothing was changed."""

    tags: list[Tag]
    undo: str = ""


@dataclass(frozen=True, slots=True)
class TagUse:
    """A name of tags, and how many entries have one."""

    name: str
    entries: int


class FieldKind(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """What a space demands of tags of one name; ``choices`` are the only values of a choice, none otherwise."""

    name: str
    kind: FieldKind
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that a selection selects, with its tags by name."""

    entry: Entry
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Favourite:
    """A favourite of somebody, and the space it is in."""

    space: SpaceId
    entry: Entry
