"""How answers say what takes a change back: in their body, or in a field where a protocol leaves no room there."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

_Shape = TypeVar("_Shape")

UNDO_FIELD = "CloudConnect-Undo"
"""The header field that holds the token which ``POST /spaces/{space}/undo`` takes."""

SOURCE_UNDO_FIELD = "CloudConnect-Source-Undo"
"""The field of a move into another space that holds the token which brings the original back."""


def undo_fields(token: str, source_token: str = "") -> dict[str, str]:
    """Return the fields that tell *token*, and *source_token* after a move between spaces; none for none."""
    return {field: told for field, told in ((UNDO_FIELD, token), (SOURCE_UNDO_FIELD, source_token)) if told}


def with_undo(shape: Callable[..., _Shape], answer: msgspec.Struct, undo: str) -> _Shape:
    """Return *answer* as the *shape* that tells *undo* besides."""
    return shape(**msgspec.structs.asdict(answer), undo=undo)
