"""Backends: places where packs rest. They know names and bytes, nothing else."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from cloudconnect.storage.index import MAIN


class Orphan(NamedTuple):
    """A pack that was set aside: the name it had, its size in bytes, and since when, in seconds since 1970."""

    name: str
    size: int
    since: float


def orphan_name(name: str) -> str:
    """Return the name under which the pack *name* is kept once it is set aside."""
    return "orphan/" + name.removeprefix("packs/")


def pack_name_of(name: str) -> str:
    """Return the name that a pack had before it was set aside as *name*."""
    return "packs/" + name.removeprefix("orphan/")


class Source(Protocol):
    """Where objects can be read from."""

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return the bytes from *offset* on, fewer than *length* only at the end of the object.

        Raises:
            OSError: the object is not there or cannot be read.
        """
        ...


class Backend(Protocol):
    """Keeps named, immutable objects durable. Names are relative paths with ``/``; every method may block.

    What is assumed of the place behind it: once ``put`` has returned, every later ``read``, ``size`` and ``names`` of
    any process shows the object, whole; once ``delete`` has returned none does; an object is never seen in part. A
    file system promises this, S3 since December 2020, Ceph and MinIO, and Azure Blob Storage. A cache or mirror that
    is behind its origin does not, and must not be used. A put that was refused may have left the whole object or
    nothing; two puts of one name carry the same bytes, so their order does not matter.

    A place over the network may be out of reach: every method then raises BackendUnreachable, or BackendDenied when
    it does not accept our credentials, after trying again where that can help.
    """

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

    def orphans(self) -> Iterator[Orphan]:
        """Yield what was set aside, in no order; ``orphan_name`` tells how it is read and removed."""
        ...

    def delete(self, name: str) -> None:
        """Remove the object, durably; one that is not there is no error."""
        ...


class Documents(Protocol):
    """Keeps small named texts that may be written anew: what belongs to packs and is none. Not every backend does."""

    def put_document(self, name: str, data: bytes) -> None:
        """Keep *data* as *name*, in place of what was there; durable, and never seen in part, once this returns.

        Raises:
            StoreFull: there is no room.
        """
        ...

    def get_document(self, name: str) -> bytes | None:
        """Return what is kept as *name*, or None when nothing is."""
        ...

    def find_documents(self, directory: str) -> list[str]:
        """Return the names of what is kept directly below *directory*, in order."""
        ...


@runtime_checkable
class Placing(Protocol):
    """A backend of several backends."""

    def place_of(self, name: str) -> str:
        """Return the name of the backend that holds the object."""
        ...

    @property
    def away(self) -> frozenset[str]:
        """The names of the backends that do not answer."""
        ...


def place_of(backend: Backend, name: str) -> str:
    """Return the name of the backend in which *backend* has put the object."""
    # Asking a protocol takes some twenty times as long, and every pack asks.
    tell: Callable[[str], str] | None = getattr(backend, "place_of", None)
    return MAIN if tell is None else tell(name)


@runtime_checkable
class Peeking(Protocol):
    """A backend that can tell what is in memory from what is not."""

    def peek(self, name: str, offset: int, length: int) -> bytes | None:
        """Return *length* bytes from *offset* on if that takes no wait for a disk or a network, else None."""
        ...


@runtime_checkable
class Forgetting(Protocol):
    """A backend that keeps what was read."""

    def forget(self, name: str) -> None:
        """Read the object anew from now on."""
        ...


def forget(backend: Backend, name: str) -> None:
    """Have *backend* read the object anew, so that what is judged is what rests and no copy of it."""
    if isinstance(backend, Forgetting):
        backend.forget(name)


@runtime_checkable
class Uploading(Protocol):
    """A backend that may hold parts of uploads that never ended."""

    def abort_uploads(self, now: datetime) -> int:
        """Abort uploads that were begun long before *now*; return how many there were."""
        ...


def abort_uploads(backend: Backend, now: datetime) -> int:
    """Have *backend* abort uploads that were begun long before *now*; return how many there were."""
    return backend.abort_uploads(now) if isinstance(backend, Uploading) else 0


def find_away(backend: Backend) -> frozenset[str]:
    """Return the names of the backends in *backend* that did not answer when they were last asked."""
    return backend.away if isinstance(backend, Placing) else frozenset()


@runtime_checkable
class Looking(Protocol):
    """A backend that can be asked whether it is there."""

    def look(self) -> None:
        """Return if it is there, without trying again and again.

        Raises:
            BackendUnreachable: it is not.
            BackendDenied: it does not accept our credentials.
        """
        ...


def look(backend: Backend) -> None:
    """Raise what *backend* refuses if it is out of reach and can tell."""
    if isinstance(backend, Looking):
        backend.look()
