"""Packs: files of sealed records, written once, with a sealed list of them at the end.

Format: SECURITY.md, section 2.5. Anybody can verify a pack by its trailer; whoever has the keys verifies every byte by
the footer; and the records can be walked with the keys alone when the footer or the index is lost.
"""

import contextlib
import hashlib
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from cloudconnect.storage.disk import Spool
from cloudconnect.storage.seal import (
    RECORD_HEAD_BYTES,
    SALT_BYTES,
    SPACE_BYTES,
    TAG_BYTES,
    Buffer,
    DomainKeys,
    Malformed,
    NotAuthentic,
    open_footer,
    open_header,
    padme,
    seal_footer,
)

_HEADER: Final = struct.Struct(">8sHBBI16s24s8x")
_MAGIC: Final = b"CCPACK1\0"
_VERSION: Final = 1
_SUITE: Final = 1
_ENTRY: Final = struct.Struct(">32sQIIHBB")
_COUNT: Final = struct.Struct(">I")
_FOOTER_HEAD: Final = struct.Struct(">4sI24s")
_FOOTER_MAGIC: Final = b"CCF1"
_TRAILER: Final = struct.Struct(">QII32s8s")
_TRAILER_FIELDS: Final = struct.Struct(">QII")
_TRAILER_MAGIC: Final = b"CCEND1\0\0"
_READ_BYTES: Final = 1 << 20
_DIGEST_BYTES: Final = 40  # of the trailer: the digest and the magic after it


class PackEntry(NamedTuple):
    """One record of a pack, as its footer lists it; sizes in bytes."""

    content_id: bytes
    offset: int
    length: int
    raw_length: int
    kind: int
    flags: int


class ByteSource(Protocol):
    """Stored bytes that can be read in any order."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes from *offset* on, fewer than *length* only at the end."""
        ...


def bare_bytes(records: int) -> int:
    """Return how many bytes of a pack with so many *records* are none of theirs: header, list and trailer."""
    listed = padme(_COUNT.size + records * _ENTRY.size) + TAG_BYTES
    return _HEADER.size + _FOOTER_HEAD.size + listed + _TRAILER.size


class PackWriter:
    """Writes one pack into a spool file, hashing as it goes; holds at most 1 MiB of it in memory.

    Not for several threads at once. Errors of the disk come out as ``OSError``; after one the pack is of no use.
    """

    def __init__(
        self,
        path: Path,
        keys: DomainKeys,
        *,
        epoch: int | None = None,
        salt: bytes | None = None,
        footer_salt: bytes | None = None,
    ) -> None:
        self.path = path
        self.epoch = keys.epoch if epoch is None else epoch
        self.entries: list[PackEntry] = []
        self.size = 0
        self._keys = keys
        self._footer_salt = footer_salt or secrets.token_bytes(SALT_BYTES)
        self._digest = hashlib.sha256()
        self._spool = Spool(path)
        salt = salt or secrets.token_bytes(SALT_BYTES)
        self._header = _HEADER.pack(_MAGIC, _VERSION, _SUITE, 0, self.epoch, keys.space, salt)
        self._write(self._header)

    def append(self, record: Buffer, content_id: bytes, raw_length: int, kind: int, flags: int) -> int:
        """Add *record* and return its offset."""
        offset = self.size
        self._write(record)
        self.entries.append(PackEntry(content_id, offset, len(record), raw_length, kind, flags))
        return offset

    def copy(self, record: Buffer, raw_length: int) -> int:
        """Add a *record* of another pack of this domain and epoch as it is, and return its offset.

        Raises:
            NotAuthentic: it is not one.
            Malformed: as above.
        """
        header = open_header(self._keys, record)
        flags = int(header.is_compressed)
        return self.append(record, header.content_id, raw_length, header.kind, flags)

    def finish(self) -> bytes:
        """Write footer and trailer and return the id of the pack; the file is complete, not yet durable."""
        bound = (self._header, self._digest.digest(), struct.pack(">Q", self.size))
        plain = _COUNT.pack(len(self.entries)) + b"".join(_ENTRY.pack(*entry, 0) for entry in self.entries)
        plain = plain.ljust(padme(len(plain)), b"\0")
        sealed = seal_footer(self._keys, self.epoch, plain, bound, self._footer_salt)
        start = self.size
        self._write(_FOOTER_HEAD.pack(_FOOTER_MAGIC, len(sealed), self._footer_salt) + sealed)
        self._write(_TRAILER_FIELDS.pack(start, self.size - start, 0))
        self._write(self._digest.digest() + _TRAILER_MAGIC)
        self._spool.finish()
        return self._digest.digest()

    def discard(self) -> None:
        """Remove what was written."""
        self._spool.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _write(self, data: Buffer) -> None:
        self._digest.update(data)
        self.size += len(data)
        self._spool.write(data)


def verify(source: ByteSource, pack_id: bytes | None = None) -> None:
    """Check every byte of a pack without any key, as mirrors and scrub do.

    Raises:
        Malformed: the trailer or the digest is wrong, or the pack is not *pack_id*.
    """
    digest = _trailer(source)[2]
    state = _digest(source, source.size - _DIGEST_BYTES)
    if state.digest() != digest:
        raise Malformed("the digest does not match")
    if pack_id is not None:
        state.update(source.read(source.size - _DIGEST_BYTES, _DIGEST_BYTES))
        if state.digest() != pack_id:
            raise Malformed("another pack")


def entries(source: ByteSource, keys: DomainKeys) -> list[PackEntry]:
    """Return the records that a pack lists, once every byte before the trailer is proven to be as it was written.

    Raises:
        Malformed: not a pack of this format.
        NotAuthentic: not a pack of this domain, or any byte was changed.
    """
    verify(source)
    start, footer_bytes, _ = _trailer(source)
    header, epoch = _header(source, keys)
    footer = source.read(start, footer_bytes)
    if len(footer) < _FOOTER_HEAD.size:
        raise Malformed("a footer is longer")
    magic, sealed_bytes, salt = _FOOTER_HEAD.unpack_from(footer)
    if magic != _FOOTER_MAGIC or sealed_bytes != len(footer) - _FOOTER_HEAD.size:
        raise Malformed("not a footer")
    bound = (header, _digest(source, start).digest(), struct.pack(">Q", start))
    return _listed(open_footer(keys, epoch, footer[_FOOTER_HEAD.size :], bound, salt))


def epoch_of(source: ByteSource, keys: DomainKeys) -> int:
    """Return the epoch of the keys that a pack is sealed with, as its header says; nothing more of it is read.

    Raises:
        Malformed: not a pack of this format.
        NotAuthentic: not a pack of this domain.
    """
    return _header(source, keys)[1]


def salvage(source: ByteSource, keys: DomainKeys) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of each record with an intact header, without footer or index.

    Behind one that is damaged the next is looked for: each begins with the number of an epoch, and proves itself.
    Whether a payload is whole shows when it is unsealed.
    """
    data = memoryview(source.read(0, source.size))
    offset: int | None = _HEADER.size
    while offset is not None and offset + RECORD_HEAD_BYTES <= len(data):
        try:
            header = open_header(keys, data[offset : offset + RECORD_HEAD_BYTES])
        except (NotAuthentic, Malformed):
            offset = _next_record(data, keys, offset + 1)
            continue
        record = bytes(data[offset : offset + RECORD_HEAD_BYTES + header.payload_bytes])
        yield offset, record
        offset += len(record)


def _next_record(data: memoryview, keys: DomainKeys, offset: int) -> int | None:
    """Return where the next thing is, from *offset* on, that may be a record."""
    whole = data.obj if isinstance(data.obj, bytes) else bytes(data)
    found = [whole.find(struct.pack(">I", epoch), offset) for epoch in keys.epochs]
    return min((place for place in found if place >= 0), default=None)


def _listed(plain: bytes) -> list[PackEntry]:
    (count,) = _COUNT.unpack_from(plain)
    end = _COUNT.size + count * _ENTRY.size
    if end > len(plain) or plain[end:].strip(b"\0"):
        raise Malformed("a list of another length")
    return [PackEntry(*fields[:-1]) for fields in _ENTRY.iter_unpack(plain[_COUNT.size : end])]


def _header(source: ByteSource, keys: DomainKeys) -> tuple[bytes, int]:
    header = source.read(0, _HEADER.size)
    if len(header) != _HEADER.size:
        raise Malformed("a pack is longer")
    magic, version, suite, _, epoch, space, _ = _HEADER.unpack(header)
    if magic != _MAGIC or version != _VERSION or suite != _SUITE:
        raise Malformed("not a pack of this release")
    if space != keys.space:
        raise NotAuthentic("a pack of another domain")
    return header, epoch


def _trailer(source: ByteSource) -> tuple[int, int, bytes]:
    if source.size < _HEADER.size + _FOOTER_HEAD.size + _TRAILER.size:
        raise Malformed("a pack is longer")
    trailer = source.read(source.size - _TRAILER.size, _TRAILER.size)
    start, footer_bytes, zero, digest, magic = _TRAILER.unpack(trailer)
    if magic != _TRAILER_MAGIC or zero or start + footer_bytes + _TRAILER.size != source.size:
        raise Malformed("no trailer")
    return start, footer_bytes, digest


def _digest(source: ByteSource, stop: int) -> "hashlib._Hash":
    state = hashlib.sha256()
    for offset in range(0, stop, _READ_BYTES):
        state.update(source.read(offset, min(_READ_BYTES, stop - offset)))
    return state


def pack_name(space: bytes, pack_id: bytes) -> str:
    """Return the name under which a backend keeps a pack."""
    identity = pack_id.hex()
    return f"packs/{space.hex()}/{identity[:2]}/{identity}"


def pack_id_of(name: str) -> tuple[bytes, bytes] | None:
    """Return the space and the pack id that *name* stands for, or None for any other name."""
    parts = name.split("/")
    try:
        space, pack_id = (bytes.fromhex(parts[index]) for index in (1, -1))
    except (ValueError, IndexError):
        return None
    is_ours = len(space) == SPACE_BYTES and pack_name(space, pack_id) == name
    return (space, pack_id) if is_ours else None
