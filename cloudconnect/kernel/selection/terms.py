"""What a selection is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Operator(StrEnum):
    """How a value is compared."""

    IS = "="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Path:
    """The path matches a pattern, in which ``*`` stays within a name and ``**`` stands for any number of folders."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Name:
    """The whole name matches a pattern of ``*`` and ``?``; A to Z have no case."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Words:
    """The name contains a text; A to Z have no case."""

    text: str


@dataclass(frozen=True, slots=True)
class Type:
    """It is a ``file``, a ``folder``, of a media type such as ``image/*``, or has an ending such as ``pdf``."""

    word: str


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a file in bytes; folders have none."""

    operator: Operator
    size: int


@dataclass(frozen=True, slots=True)
class Modified:
    """When it was modified: within, before or after a day or the like, or more or less than an age ago."""

    operator: Operator
    when: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """It has a tag of this name and, where there is an operator, with such a value."""

    name: str
    operator: Operator | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class By:
    """Who wrote the content that a file has."""

    name: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns the space."""

    name: str


@dataclass(frozen=True, slots=True)
class Is:
    """It is a ``favourite`` of the one who asks, or a version of it is ``pinned``."""

    word: str


Term: TypeAlias = Path | Name | Words | Type | Size | Modified | Tagged | By | Owner | Is


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the parts holds; without any, everything is selected."""

    parts: tuple["Selection", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the parts holds, of at least two."""

    parts: tuple["Selection", ...]


@dataclass(frozen=True, slots=True)
class Contrary:
    """The part does not hold."""

    part: "Selection"


Selection: TypeAlias = Term | All | AnyOf | Contrary


@dataclass(frozen=True, slots=True)
class Query:
    """What to select, and where and when to look: in the trash or the tree, now or as of the moment ``at``."""

    where: Selection
    is_in_trash: bool = False
    at: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.where == All(())


def terms_of(selection: Selection) -> Iterator[Term]:
    """Yield every term in *selection*, as often as it stands there, from left to right."""
    match selection:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from terms_of(part)
        case Contrary(part):
            yield from terms_of(part)
        case _:
            yield selection
