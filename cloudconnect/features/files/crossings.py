"""The nouns of what goes from one space to another."""

from dataclasses import dataclass

from cloudconnect.features.files.models import Condition, Entry
from cloudconnect.kernel.ids import NodeId, SpaceId

_ANYTHING = Condition()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """What is to go where: ``path`` in ``space``, as it is or was at ``at``, to ``target`` in ``into``.

    A move takes the original away. ``replace`` lets what is at the target go to the trash, ``is_shallow`` leaves out
    what is below a folder, ``condition`` is what a moved original must be.
    """

    space: str
    path: str
    into: str
    target: str
    is_move: bool = False
    at: str | None = None
    replace: bool = False
    is_shallow: bool = False
    condition: Condition = _ANYTHING


@dataclass(frozen=True, slots=True)
class Crossed:
    """What is at the target now, and since which seq.

    ``undo`` takes it away again; after a move ``source_undo`` brings the original back. Both together undo the move.
    """

    entry: Entry
    seq: int
    undo: str
    source_undo: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A crossing between spaces that are known by id, of what was there at the seq ``seq``."""

    source: SpaceId
    names: tuple[str, ...]
    target: SpaceId
    to_names: tuple[str, ...]
    seq: int
    crossing: Crossing


@dataclass(frozen=True, slots=True)
class Held:
    """The content of the file ``node``, stored for another space: its key there, how it is read, and plain bytes."""

    node: NodeId
    key: bytes | None
    manifest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of a crossing, in the words of the row that held its contents."""

    node: NodeId
    seq: int
    undo: str
    source_undo: str
    is_left: bool
    """Whether a move left the original, which had changed meanwhile."""
