"""What people say about files, how they find them by it, and what they do to all that they find."""

from typing import Annotated, Literal

import msgspec

from cloudconnect.wire.files import Entry, Path, Tag
from cloudconnect.wire.shape import Answer, Request

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Value = Annotated[str, msgspec.Meta(max_length=1_000)]


class NewTag(Request, frozen=True):
    """A tag to put on; without a value it is a label, and without a kind it is of the kind that it looks like."""

    name: _Name
    value: _Value | None = None
    kind: Literal["text", "number", "date"] | None = None


class TagChange(Request, frozen=True):
    """Tags to put on, with other values in the place of theirs, and names of tags to take off."""

    add: Annotated[list[NewTag], msgspec.Meta(max_length=100)] = []
    remove: Annotated[list[_Name], msgspec.Meta(max_length=100)] = []


class Tags(Answer, frozen=True):
    """The tags of a file or folder, by name; after a change of them, ``undo`` takes it back."""

    tags: list[Tag]
    undo: str = ""


class TagUse(Answer, frozen=True):
    """A name of tags, and how many files and folders of the space have one."""

    name: str
    entries: int


class Field(Answer, frozen=True):
    """What a space demands of tags of one name: values of a kind, or one of some choices."""

    name: str
    kind: Literal["text", "number", "date", "choice"]
    choices: list[str]


class ChangedField(Field, frozen=True):
    """What a space demands of tags of one name now; ``undo`` takes the change back, empty where nothing changed."""

    undo: str = ""


class Fields(Answer, frozen=True):
    """The fields of a space, by name."""

    fields: list[Field]


class ChangedFields(Fields, frozen=True):
    """The fields that are left; ``undo`` brings back the one that is gone."""

    undo: str = ""


class NewField(Request, frozen=True):
    """What to demand of tags of one name; a choice names its choices."""

    kind: Literal["text", "number", "date", "choice"]
    choices: Annotated[list[_Value], msgspec.Meta(max_length=1_000)] = []


class Touch(Request, frozen=True):
    """When it was modified, RFC 3339, nanoseconds kept."""

    modified: Annotated[str, msgspec.Meta(max_length=40, examples=["2026-11-01T12:00:00.123456789Z"])]


class Favourite(Answer, frozen=True):
    """A favourite of the one who asks, and the space it is in."""

    space: str
    entry: Entry


class BulkEdit(Request, frozen=True):
    """What to do to everything that ``where`` selects below the folder ``path``.

    With ``dry_run`` only the plan is made; to do it, send the same with that answer's ``plan``. ``expect`` says how
    many items it may be done to. Folders of which not all is selected stay unless it is ``recursive``.
    """

    where: Annotated[str, msgspec.Meta(max_length=4_000, examples=["path:/Tmp/** modified:>90d"])]
    action: Literal["trash", "move", "tag"]
    path: Path = "/"
    into: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    add: Annotated[list[NewTag], msgspec.Meta(max_length=100)] = []
    remove: Annotated[list[_Name], msgspec.Meta(max_length=100)] = []
    recursive: bool = False
    dry_run: bool = False
    plan: Annotated[str, msgspec.Meta(max_length=400)] = ""
    expect: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None


class BulkEdited(Answer, frozen=True):
    """What an edit in bulk would do, or has done: to how many items, and what these are with all that goes along.

    ``done`` is how many items it was done to, null where it was a plan; ``seq`` is the last one of the space by then.
    ``undo`` takes back what was done. Over 1,000 items it becomes a long job, told by ``operation``, whose result says
    ``done``, ``passed_over`` (what was no longer as planned), ``seq`` and ``undo``.
    """

    plan: str
    seq: int
    items: int
    files: int
    folders: int
    logical_bytes: int
    examples: list[str]
    done: int | None = None
    undo: str = ""
    operation: str = ""
