"""Packs in a bucket: any server that speaks the S3 protocol, or Azure Blob Storage."""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from errno import ENOENT
from pathlib import Path
from typing import Final, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError, PreconditionError
from obstore.store import ObjectStore

from cloudconnect.storage.backends import Orphan, orphan_name, pack_name_of
from cloudconnect.storage.backends.connect import Bucket
from cloudconnect.storage.backends.retry import Retry, is_final, is_whole_bucket_missing, refusal
from cloudconnect.storage.backends.uploads import abort_uploads

MULTIPART_BYTES: Final = 8 << 20
_PARALLEL_PARTS: Final = 4
_READ_BACK_BYTES: Final = 1 << 20
_TAIL_BYTES: Final = 64 << 10
_MD5_ETAG: Final = re.compile(r'"?([0-9a-f]{32}(-\d+)?)"?')

Result = TypeVar("Result")


class ObjectBackend:
    """Keeps packs as objects of *store*. What is temporary is tried again with *retry*, the rest is refused at once.

    Small objects are created with ``If-None-Match: *``. Objects of more than ``MULTIPART_BYTES`` go in parts, several
    at a time, and servers do not agree on that condition there; so a HEAD comes first, as it does for servers that do
    not know the condition at all. Two writers that both find nothing then write the same bytes twice, because a name
    comes from its content. Every put ends with a look at what the server now has. *place* is what *store* was made of.
    """

    def __init__(self, store: ObjectStore, retry: Retry | None = None, place: Bucket | None = None) -> None:
        self._store = store
        self._place = place
        self._retry = retry or Retry()
        self._can_create = True

    def look(self) -> None:
        """Ask the server once."""
        try:
            next(iter(obstore.list(self._store, "packs/")), None)
        except (BaseError, ConnectionError, TimeoutError, FileNotFoundError) as error:
            raise refusal(error) from None

    def put(self, name: str, spool: Path) -> None:
        """Take the finished file *spool* as *name*, once the server has been seen to hold all of it."""
        try:
            self._try(lambda: self._put(name, spool))
        finally:
            with contextlib.suppress(OSError):
                spool.unlink(missing_ok=True)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a range of the object, fewer bytes than *length* only at its end."""
        return self._try(lambda: self._read(name, offset, length))

    def size(self, name: str) -> int | None:
        """Return the size of the object in bytes, or None when there is none."""
        size = self._try(lambda: self._size(name))
        if size is None:
            # The answer to HEAD has no body, so a missing bucket looks like a missing object; a listing tells.
            self._try(lambda: next(iter(obstore.list(self._store, name)), None))
        return size

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of every object under ``packs/``."""
        yield from self._try(self._list)

    def set_aside(self, name: str) -> None:
        """Copy the object below ``orphan/`` and delete it: a bucket cannot rename."""
        target = orphan_name(name)
        size = self.size(name)
        self._try(lambda: obstore.copy(self._store, name, target))
        if self.size(target) != size:
            raise refusal(ValueError("the copy has another size"))
        self.delete(name)

    def orphans(self) -> Iterator[Orphan]:
        """Yield what was set aside, each since it was copied."""
        yield from self._try(self._list_orphans)

    def delete(self, name: str) -> None:
        """Remove the object; one that is not there is no error."""
        with contextlib.suppress(FileNotFoundError):
            self._try(lambda: obstore.delete(self._store, name))

    def abort_uploads(self, now: datetime) -> int:
        """Abort uploads in parts that were begun long before *now*; return how many there were."""
        return 0 if self._place is None else abort_uploads(self._place, now)

    def put_document(self, name: str, data: bytes) -> None:
        """Keep *data* as *name*, in place of what was there."""
        self._try(lambda: obstore.put(self._store, name, data, use_multipart=False))

    def get_document(self, name: str) -> bytes | None:
        """Return what is kept as *name*, or None when nothing is."""
        try:
            return self._try(lambda: bytes(obstore.get(self._store, name).bytes()))
        except FileNotFoundError:
            return None

    def find_documents(self, directory: str) -> list[str]:
        """Return the names of what is kept directly below *directory*, in order."""
        found = self._try(lambda: obstore.list_with_delimiter(self._store, f"{directory}/"))
        return sorted(str(each["path"]) for each in found["objects"])

    def _put(self, name: str, spool: Path) -> None:
        size = spool.stat().st_size
        if not self._create(name, spool, size):
            if self._holds(name, spool, size):
                return
            self._overwrite(name, spool, size)
        if not self._holds(name, spool, size):
            raise ConnectionError("the server has other bytes than it was sent")

    def _create(self, name: str, spool: Path, size: int) -> bool:
        """Create the object unless it is there or this cannot be asked for in one step; tell whether it was created."""
        if not self._can_create or size > MULTIPART_BYTES:
            return False
        try:
            obstore.put(self._store, name, spool, mode="create", use_multipart=False)
        except (AlreadyExistsError, PreconditionError):
            return False
        except (NotSupportedError, NotImplementedError):
            self._can_create = False
            return False
        return True

    def _overwrite(self, name: str, spool: Path, size: int) -> None:
        try:
            obstore.put(
                self._store,
                name,
                spool,
                use_multipart=size > MULTIPART_BYTES,
                chunk_size=MULTIPART_BYTES,
                max_concurrency=_PARALLEL_PARTS,
            )
        except FileNotFoundError as error:
            if is_whole_bucket_missing(error) or not spool.exists():
                raise
            # When the answer to a completed upload gets lost, asking again finds an upload that is no more.
            raise ConnectionError("the upload is gone") from error

    def _holds(self, name: str, spool: Path, size: int) -> bool:
        """Compare what the server has: its size, and its MD5 where the server says it, else what can be read back."""
        try:
            found = obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        if found["size"] != size:
            return False
        tag = _MD5_ETAG.fullmatch(found["e_tag"] or "")
        if tag is None:
            return self._is_same(name, spool, max(0, size - _TAIL_BYTES), size)
        # With keys of the server's own, an ETag looks like an MD5 and is none.
        return tag[1] == _etag(spool, size) or self._is_same(name, spool, 0, size)

    def _is_same(self, name: str, spool: Path, start: int, stop: int) -> bool:
        with spool.open("rb") as file:
            file.seek(start)
            for place in range(start, stop, _READ_BACK_BYTES):
                length = min(_READ_BACK_BYTES, stop - place)
                if obstore.get_range(self._store, name, start=place, length=length).to_bytes() != file.read(length):
                    return False
        return True

    def _read(self, name: str, offset: int, length: int) -> bytes:
        try:
            data = obstore.get_range(self._store, name, start=offset, length=length).to_bytes() if length else b""
        except BaseError:
            size = self._size(name)
            if size is not None and offset >= size:
                return b""
            raise
        if len(data) < length and offset + len(data) != self._size(name):
            raise ConnectionError("the answer ended early")
        return data

    def _size(self, name: str) -> int | None:
        try:
            return int(obstore.head(self._store, name)["size"])
        except FileNotFoundError:
            return None

    def _list(self) -> list[tuple[str, int]]:
        return [(found["path"], found["size"]) for batch in obstore.list(self._store, "packs/") for found in batch]

    def _list_orphans(self) -> list[Orphan]:
        return [
            Orphan(pack_name_of(found["path"]), found["size"], found["last_modified"].timestamp())
            for batch in obstore.list(self._store, "orphan/")
            for found in batch
        ]

    def _try(self, call: Callable[[], Result]) -> Result:
        waits = self._retry.waits()
        while True:
            try:
                return call()
            except FileNotFoundError as error:
                if is_whole_bucket_missing(error):
                    raise refusal(error) from None
                raise FileNotFoundError(ENOENT, "there is no such object") from None
            except (BaseError, ConnectionError, TimeoutError) as error:
                # What the library says may quote requests, so it goes no further than this.
                if is_final(error) or not next(waits, False):
                    raise refusal(error) from None


def _etag(spool: Path, size: int) -> str:
    """Return the ETag that S3 gives: the MD5, or that of the MD5s of all parts with their number."""
    with spool.open("rb") as file:
        parts = [hashlib.md5(part, usedforsecurity=False) for part in iter(lambda: file.read(MULTIPART_BYTES), b"")]
    if size <= MULTIPART_BYTES:
        return parts[0].hexdigest() if parts else hashlib.md5(b"", usedforsecurity=False).hexdigest()
    joined = hashlib.md5(b"".join(part.digest() for part in parts), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(parts)}"
