"""The nouns of what is set for a space, a file or a folder, besides the tree and its tags."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from cloudconnect.kernel.ids import NodeId

_Value = TypeVar("_Value")


class SettingKind(StrEnum):
    """What is set."""

    NAME = "name"
    ARCHIVED = "archived"
    QUOTA = "quota"
    RETENTION = "retention"
    BRAKE = "brake"
    FIELD = "field"
    SNAPSHOT = "snapshot"
    PIN = "pin"
    PROPERTY = "property"


@dataclass(frozen=True, slots=True)
class Setting:
    """What names one setting: the node that it is set for, the root where it is for the space, its kind, and a key.

    The key tells several of one kind apart: the name of a field, a snapshot or a property, the seq of a version.
    """

    node: NodeId
    kind: SettingKind
    key: str = ""


@dataclass(frozen=True, slots=True)
class SettingChange(Generic[_Value]):
    """What setting something came to: the value that holds now, and the token that takes the change back, or none."""

    value: _Value
    undo: str = ""
