"""Locks, and an entry with what stands beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudconnect.features.files.models.entries import Entry
from cloudconnect.kernel.ids import LockId, NodeId, SpaceId


@dataclass(frozen=True, slots=True)
class LockTerms:
    """What sort of lock somebody wants, for how long, and what the client says of itself."""

    is_shared: bool
    is_deep: bool
    description: str
    life: timedelta


@dataclass(frozen=True, slots=True)
class Lock:
    """A word of somebody who means to write: until *expires* only he changes what it covers.

    It covers a node and, if deep, all below it. Whoever shows ``token``, or acts as ``owner``, may write; a shared one
    may stand beside other shared ones. ``description`` is what the client says of itself, ``path`` where it is.
    """

    id: LockId
    token: str
    space: SpaceId
    node: NodeId
    path: str
    owner: str
    owner_name: str
    description: str
    is_shared: bool
    is_deep: bool
    created: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Detail:
    """An entry with what stands beside it.

    ``state`` is the seq at which the entry, or anything below it if it is a folder, changed last. ``properties`` are
    what clients keep beside it, by name; ``locks`` are those that cover it, its own and those that reach down to it.
    ``is_writable`` says whether the asker may change it, as far as a role on it or above it says so.
    """

    entry: Entry
    state: int
    properties: Mapping[str, str]
    locks: Sequence[Lock]
    is_writable: bool = False

    @property
    def etag(self) -> str:
        """A strong validator: of the content of a file, of everything below a folder."""
        return f"{self.entry.node.removeprefix('nod_')}.{self.state}" if self.entry.is_folder else self.entry.etag
