"""Doing one thing to everything that a selection selects."""

from dataclasses import dataclass
from enum import StrEnum

from cloudconnect.features.files.models.tags import Tag


class BulkDeed(StrEnum):
    """What can be done to everything that a selection selects."""

    TRASH = "trash"
    MOVE = "move"
    TAG = "tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEdit:
    """What to do to everything that ``where`` selects below the folder at ``path``.

    Moving is ``into`` a folder; tags are ``added`` and ``removed`` by name. Folders of which not everything is selected
    stay where they are unless the edit ``is_recursive``.
    """

    where: str
    deed: BulkDeed
    path: str = "/"
    into: str = ""
    added: tuple[Tag, ...] = ()
    removed: tuple[str, ...] = ()
    is_recursive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPlan:
    """What an edit in bulk would do as of ``seq``: to how many items, and what these are with all that goes along.

    ``token`` stands for exactly this; ``examples`` are the first paths by name.
    """

    token: str
    seq: int
    items: int
    files: int
    folders: int
    logical_bytes: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BulkEdited:
    """What an edit in bulk has done, to how many items, the last seq of it, and what undoes it.

    With an ``operation`` it is still to be done, by that.
    """

    plan: BulkPlan
    items: int
    seq: int
    undo: str = ""
    operation: str = ""
