"""Backends: places where packs rest. They know names and bytes, nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class Backend(Protocol):
    """Keeps named, immutable objects durable. Names are relative paths with ``/``; every method may block."""

    def put(self, name: str, spool: Path) -> None:
        """Take the finished file *spool* as *name*, durable once this returns; the spool file is gone either way.

        An object of that name that is there already stays: names come from content.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: it is unknown what is durable.
        """
        ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return the bytes from *offset* on, fewer than *length* only at the end of the object.

        Raises:
            OSError: the object is not there or cannot be read.
        """
        ...

    def size(self, name: str) -> int | None:
        """Return the size of the object in bytes, or None when there is none."""
        ...

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of every object under ``packs/``, in no order."""
        ...

    def set_aside(self, name: str) -> None:
        """Move the object under ``orphan/``, where nothing reads it but a person who recovers."""
        ...

    def delete(self, name: str) -> None:
        """Remove the object, durably; one that is not there is no error."""
        ...
