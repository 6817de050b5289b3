"""What the recorder wrote down: every change to the files of one directory, in the order in which it happened."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct("<cQIIQQ")
_WITH_DATA = frozenset({"W", "J"})


@dataclass(frozen=True, slots=True)
class Step:
    """One call; see shim.c for the letters."""

    what: str
    inode: int
    path: str
    other: str
    offset: int
    size: int
    data: bytes


def steps(path: Path) -> Iterator[Step]:
    """Yield what happened, oldest first; a record that the end of the process cut off ends it."""
    trace = path.read_bytes()
    at = 0
    while at + _HEAD.size <= len(trace):
        what, inode, a, b, offset, size = _HEAD.unpack_from(trace, at)
        letter = what.decode()
        names = at + _HEAD.size
        data = names + a + b
        at = data + (size if letter in _WITH_DATA else 0)
        if at > len(trace):
            return
        yield Step(
            letter,
            inode,
            trace[names : names + a].decode(),
            trace[names + a : data].decode(),
            offset,
            size,
            trace[data:at],
        )
