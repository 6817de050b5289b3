"""What a disk may hold after a power cut, given what a program asked of it.

The model promises only what POSIX does: bytes outlive a cut once their file was synced, names once their directory was.
Everything since may be there or not, in part and in any order; a write may be torn at a sector. A sync that fails drops
what was waiting, and the next one succeeds without it, as Linux does.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from recording import Step

SECTOR_BYTES = 512

MODES = ("all", "none", "names only", "some", "some, names in any order")
"""The classes of states: everything reached the disk (as after SIGKILL); nothing did; names did and bytes did not;
some bytes, and names up to a moment, as a journal keeps them; some bytes and some names."""
BY_CHANCE = MODES[3:]

_DIRECTORY = 0  # in place of an inode
_LIKELY_WHOLE = 0.4
_LIKELY_TORN = 0.55

Image = dict[str, bytes | None]
"""Paths and what is there, None for a directory; parents come before what is in them."""


@dataclass(slots=True)
class _File:
    durable: bytes = b""
    waiting: list[Step] = field(default_factory=list)


class Disk:
    """The files below a directory, durable and waiting, as steps are played to it."""

    def __init__(self, root: str) -> None:
        """Begin with what is below *root* now, all of it durable."""
        files, directories = _found(root)
        self._root = root
        self._files = {inode: _File(data) for inode, data in files.values()}
        self._names: dict[str, int] = {path: inode for path, (inode, _) in files.items()}
        self._names |= dict.fromkeys(directories, _DIRECTORY)
        self._waiting: list[Step] = []

    def play(self, step: Step) -> None:
        """Take *step* in."""
        file = self._files.get(step.inode)
        match step.what:
            case "C":
                self._files[step.inode] = _File()
                self._waiting.append(step)
            case "M" | "U" | "R":
                self._waiting.append(step)
            case "W" | "T" if file is not None:
                file.waiting.append(step)
            case "E" if file is not None:
                file.waiting.clear()
            case "S" if file is not None:
                file.durable = _after(file.durable, file.waiting)
                file.waiting.clear()
            case "S":
                self._sync_names(step.path)
            case _:
                pass  # a failed sync of a directory leaves its names waiting

    def image(self, mode: str, random: Random) -> Image:
        """Return one of the things that may be there after a power cut now."""
        names = dict(self._names)
        for step in self._surviving(mode, random):
            _rename(names, step)
        image: Image = {self._root: None}
        for path, inode in sorted(names.items()):
            if image.get(_parent(path), b"") is None:  # else the directory that it lay in is not there
                image[path] = None if inode == _DIRECTORY else self._bytes(self._files[inode], mode, random)
        return image

    def _sync_names(self, directory: str) -> None:
        left: list[Step] = []
        for step in self._waiting:
            if _parent(step.other or step.path) != directory:
                left.append(step)
                continue
            if step.what == "R":
                # Once a file is known to be in its new place, its way to the old one is history.
                left = [each for each in left if each.inode != step.inode or each.what == "U"]
            _rename(self._names, step)
        self._waiting = left

    def _surviving(self, mode: str, random: Random) -> Iterator[Step]:
        match mode:
            case "none":
                return iter(())
            case "some":
                return iter(self._waiting[: random.randrange(len(self._waiting) + 1)])
            case "some, names in any order":
                return iter([step for step in self._waiting if random.random() < 0.5])
            case _:
                return iter(self._waiting)

    def _bytes(self, file: _File, mode: str, random: Random) -> bytes:
        match mode:
            case "all":
                return _after(file.durable, file.waiting)
            case "none" | "names only":
                return file.durable
            case _:
                return _after(file.durable, list(_some(file.waiting, random)))


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _found(root: str) -> tuple[dict[str, tuple[int, bytes]], list[str]]:
    files, directories = {}, []
    for directory, inner, names in os.walk(root):
        directories += [str(Path(directory, name)) for name in inner]
        for name in names:
            path = Path(directory, name)
            files[str(path)] = (path.lstat().st_ino, path.read_bytes())
    return files, directories


def _rename(names: dict[str, int], step: Step) -> None:
    match step.what:
        case "C":
            names[step.path] = step.inode
        case "M":
            names[step.path] = _DIRECTORY
        case "U":
            if names.get(step.path) in {step.inode, _DIRECTORY}:
                names.pop(step.path, None)
        case _:
            if names.get(step.path) == step.inode:
                del names[step.path]
            names[step.other] = step.inode


def _some(waiting: list[Step], random: Random) -> Iterator[Step]:
    for step in waiting:
        chance = random.random()
        if chance < _LIKELY_WHOLE:
            yield step
        elif chance < _LIKELY_TORN and len(step.data) > SECTOR_BYTES:
            sectors = random.randrange(1, -(-len(step.data) // SECTOR_BYTES))
            data = step.data[: sectors * SECTOR_BYTES]
            yield Step(step.what, step.inode, step.path, "", step.offset, len(data), data)


def _after(durable: bytes, waiting: list[Step]) -> bytes:
    if not waiting:
        return durable
    data = bytearray(durable)
    for step in waiting:
        if step.what == "T":
            del data[step.size :]
            data.extend(bytes(step.size - len(data)))
        else:
            data.extend(bytes(max(step.offset - len(data), 0)))
            data[step.offset : step.offset + len(step.data)] = step.data
    return bytes(data)
