"""Spaces, and what is kept of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cloudconnect.kernel.ids import NodeId, SpaceId, UserId


class SpaceKind(StrEnum):
    """What sort of space it is."""

    PERSONAL = "personal"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Space:
    """A tree with one owner and one key domain; ``seq`` is the last place in its log.

    ``used_bytes`` counts every file in its latest version, in the tree or in the trash; ``quota_bytes`` is what that
    may come to, None for no limit. ``brake_changes`` is how many files one session may remove or overwrite in a minute,
    None for the default, 0 for any number. While it is ``archived`` nothing in it changes.
    """

    id: SpaceId
    name: str
    kind: SpaceKind
    owner: UserId
    root: NodeId
    seq: int
    created: datetime
    used_bytes: int = 0
    quota_bytes: int | None = None
    brake_changes: int | None = None
    archived: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a space keeps versions, in the words of a policy, and the trash, in days or words.

    What is None is as the appliance has it.
    """

    versions: str | None
    trash_days: int | None
    trash: str | None = None


@dataclass(frozen=True, slots=True)
class Brake:
    """A session that was stopped from writing to a space: whose, why, after how many changes, and at which seq."""

    id: str
    space: SpaceId
    session: str
    actor: str
    actor_name: str
    reason: str
    changes: int
    seq: int
    pulled: datetime
    lifted: datetime | None


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A version of a file of which some chunks are missing or changed, and when the first of them was found so.

    The path is where the file is, or where it was last; ``size`` is plain bytes, ``is_present`` tells whether this
    version is what is there now.
    """

    space: SpaceId
    path: str
    version: int
    node: NodeId
    size: int
    chunks: int
    found: datetime
    is_present: bool
