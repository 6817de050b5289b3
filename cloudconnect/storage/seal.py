"""Sealing: derived keys, boxes and chunk records. The only module that knows a cipher.

Formats: SECURITY.md, sections 2.2 to 2.4. Every AES-256-GCM key is derived for one use, so the nonce is always zero.
"""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Buffer = bytes | bytearray | memoryview

KEY_BYTES: Final = 32
SALT_BYTES: Final = 24
TAG_BYTES: Final = 16
SPACE_BYTES: Final = 16
CONTENT_ID_BYTES: Final = 32

DATA: Final = 0
"""Class of a chunk that holds a stretch of a file."""
MANIFEST: Final = 1
"""Class of a chunk that lists other chunks."""

RAW_LIMIT_BYTES: Final = 8 << 20
"""The most that one chunk may hold; a record that claims more is malformed."""

_SUITE: Final = 1  # AES-256-GCM with HKDF-SHA-256, the only suite this release writes or reads
_NONCE: Final = bytes(12)
_HEADER: Final = struct.Struct(">4sBBHII32s")
_MAGIC: Final = b"CCk1"
_COMPRESSED: Final = 1
_LENGTHS: Final = struct.Struct(">II")
_HEAD_BYTES: Final = 4 + SALT_BYTES
RECORD_HEAD_BYTES: Final = _HEAD_BYTES + _HEADER.size + TAG_BYTES
"""Bytes of a record before its payload: epoch, salt and the sealed header."""
_DRAWN_BYTES: Final = 128 * SALT_BYTES
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
_BOX_FORMAT: Final = bytes((1, _SUITE))
_BOX_OVERHEAD: Final = 2 + SALT_BYTES + KEY_BYTES + TAG_BYTES


class NotAuthentic(Exception):
    """Bytes were not sealed with this key for this place, or are not what they were."""


class Malformed(Exception):
    """Bytes are not of the format they should have."""


class Key:
    """32 secret bytes that do not show themselves when printed, logged or pickled."""

    __slots__ = ("_inner", "_outer", "secret")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError("a key has 32 bytes")
        self.secret = secret
        self._inner, self._outer = _mac_states(secret)

    def mac(self, data: Buffer) -> bytes:
        """Return HMAC-SHA-256 of *data* under this key, without hashing the key again (RFC 2104, section 4)."""
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not serialised")


class Codec(Protocol):
    """A compression of single chunks."""

    @property
    def label(self) -> bytes:
        """Name, version and level: all that the compressed bytes depend on besides the input."""
        ...

    def compress(self, raw: Buffer) -> bytes | None:
        """Return *raw* made smaller, or None when that is not worth it."""
        ...

    def expand(self, body: Buffer, raw_bytes: int) -> bytes:
        """Return what *body* was made from, never producing more than *raw_bytes* + 1 bytes.

        Raises:
            ValueError: *body* is not one whole compressed stream.
        """
        ...


def new_key() -> Key:
    """Return a fresh random key."""
    return Key(secrets.token_bytes(KEY_BYTES))


def ctx(label: str, *fields: bytes) -> bytes:
    """Return the injective encoding of *label* and *fields* that separates one use of a key from another."""
    return b"".join((b"CloudConnect/v1/", label.encode(), b"\0", *(_prefixed(field) for field in fields)))


def derive(key: Key, label: str, *fields: bytes, size: int = KEY_BYTES) -> bytes:
    """Return *size* bytes, at most 64, derived from *key* for one use: HKDF-Expand-SHA256 (RFC 5869, section 2.3)."""
    info = ctx(label, *fields)
    first = key.mac(info + b"\x01")
    if size <= len(first):
        return first[:size]
    return (first + key.mac(first + info + b"\x02"))[:size]


def padme(size: int) -> int:
    """Return the size that *size* is padded to, at most 12 % more (Nikitin et al., PETS 2019, Padmé)."""
    if size < 2:  # noqa: PLR2004 - Padmé is not defined below two
        return size
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask


def seal_box(key: Key, label: str, plain: bytes, *fields: bytes, salt: bytes | None = None) -> bytes:
    """Return *plain* sealed under *key* for the purpose *label* and *fields*, committing to the key; 74 bytes more."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    keys = derive(key, "box", label.encode(), salt, *fields, size=2 * KEY_BYTES)
    sealed = AESGCM(keys[:KEY_BYTES]).encrypt(_NONCE, plain, ctx("box-aad", label.encode(), *fields))
    return _BOX_FORMAT + salt + keys[KEY_BYTES:] + sealed


def open_box(key: Key, label: str, box: bytes, *fields: bytes) -> bytes:
    """Return what :func:`seal_box` sealed.

    Raises:
        Malformed: *box* is no box of a suite this release reads.
        NotAuthentic: another key, purpose or field, or the box was changed.
    """
    if box[:2] != _BOX_FORMAT or len(box) < _BOX_OVERHEAD:
        raise Malformed("not a box")
    salt, commitment, sealed = box[2:26], box[26:58], box[58:]
    keys = derive(key, "box", label.encode(), salt, *fields, size=2 * KEY_BYTES)
    if not hmac.compare_digest(keys[KEY_BYTES:], commitment):
        raise NotAuthentic("another key or purpose")
    return _decrypt(keys[:KEY_BYTES], sealed, ctx("box-aad", label.encode(), *fields))


class ContentIds:
    """Names content inside one domain: HMAC-SHA-256 under the domain's key over the class and the plain bytes."""

    __slots__ = ("_inner", "_outer", "key")

    def __init__(self, key: Key) -> None:
        self.key = key
        # As in Key.mac; with the class already fed there is no need for the copy that a prefix would cost.
        inner, self._outer = _mac_states(key.secret)
        self._inner = tuple(_fed(inner, struct.pack(">H", kind)) for kind in range(MANIFEST + 1))

    def of(self, kind: int, raw: Buffer) -> bytes:
        """Return the 32-byte content id of *raw* as a chunk of class *kind*."""
        inner = self._inner[kind].copy()
        inner.update(raw)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


@dataclass(frozen=True, slots=True)
class DomainKeys:
    """The keys of one space: one per epoch for sealing, and those that name and cut content."""

    space: bytes
    epochs: Mapping[int, Key]
    content_ids: ContentIds
    cut_key: Key
    earlier_ids: tuple[ContentIds, ...] = ()
    """What named content before the naming key was replaced, newest first."""

    def is_name(self, content_id: bytes, kind: int, raw: Buffer) -> bool:
        """Tell whether *content_id* is what this domain names *raw*, or named it once."""
        return any(hmac.compare_digest(ids.of(kind, raw), content_id) for ids in (self.content_ids, *self.earlier_ids))

    @property
    def epoch(self) -> int:
        """The epoch that new data is sealed in."""
        return max(self.epochs)

    def key(self, epoch: int) -> Key:
        """Return the sealing key of *epoch*.

        Raises:
            NotAuthentic: this domain never had that epoch, or its key was destroyed.
        """
        try:
            return self.epochs[epoch]
        except KeyError:
            raise NotAuthentic("no key of this epoch") from None


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """What the sealed header of a record says, with what its payload is opened with."""

    content_id: bytes
    kind: int
    is_compressed: bool
    payload_bytes: int
    salt: bytes
    epoch: int
    plain: bytes


class Sealer:
    """Seals and unseals chunk records, reusing its buffers: one per thread."""

    def __init__(self, codec: Codec, entropy: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._codec = codec
        self._entropy = entropy
        self._drawn = memoryview(b"")
        self._plain = bytearray()
        self._record = bytearray()

    def seal(self, keys: DomainKeys, epoch: int, kind: int, content_id: bytes, raw: Buffer) -> tuple[memoryview, int]:
        """Return the record of *raw* and its flags; the record lives until the next call.

        *content_id* is ``keys.content_ids.of(kind, raw)``, which the caller has already.
        """
        packed = self._codec.compress(raw)
        flags, body = (0, raw) if packed is None else (_COMPRESSED, packed)
        used = _LENGTHS.size + len(body)
        size = padme(used)
        total = RECORD_HEAD_BYTES + size + TAG_BYTES
        self._grow(total)
        plain = memoryview(self._plain)[:size]
        _LENGTHS.pack_into(plain, 0, len(raw), len(body))
        plain[_LENGTHS.size : used] = body
        plain[used:] = bytes(size - used)
        key, space, epoch_bytes = keys.key(epoch), keys.space, struct.pack(">I", epoch)
        # The salt hedges against a cloned random generator: it repeats only where the sealed bytes repeat as well.
        label = bytes((flags,)) + self._codec.label
        salt = derive(key, "salt-hedge", content_id, label, b"\x01", self._draw(), size=SALT_BYTES)
        header = _HEADER.pack(_MAGIC, _SUITE, flags, kind, size + TAG_BYTES, 0, content_id)
        head_key = AESGCM(derive(key, "chunk-hdr", space, salt))
        sealed_header = head_key.encrypt(_NONCE, header, ctx("chunk-hdr", space, epoch_bytes))
        record = memoryview(self._record)[:total]
        record[:RECORD_HEAD_BYTES] = epoch_bytes + salt + sealed_header
        body_key = AESGCM(derive(key, "chunk-key", space, content_id, salt))
        body_key.encrypt_into(_NONCE, plain, ctx("chunk", space, epoch_bytes, header), record[RECORD_HEAD_BYTES:])
        return record, flags

    def unseal(self, keys: DomainKeys, record: Buffer, content_id: bytes | None = None) -> bytes:
        """Return the plain bytes of *record*, which is *content_id* unless that is None.

        The order of the checks is that of SECURITY.md, section 2.4.

        Raises:
            NotAuthentic: not sealed for this domain, not *content_id*, or changed.
            Malformed: authentic, and yet not of the format.
        """
        header = open_header(keys, record)
        if len(record) != RECORD_HEAD_BYTES + header.payload_bytes:
            raise Malformed("the record has another length")
        if content_id is not None and header.content_id != content_id:
            raise NotAuthentic("another chunk")
        payload = self._open_payload(keys, header, record)
        raw_bytes, body_bytes = _LENGTHS.unpack_from(payload)
        end = _LENGTHS.size + body_bytes
        if raw_bytes > RAW_LIMIT_BYTES or end > len(payload) or bytes(payload[end:]).strip(b"\0"):
            raise Malformed("lengths or padding")
        raw = self._expand(payload[_LENGTHS.size : end], raw_bytes, is_compressed=header.is_compressed)
        if len(raw) != raw_bytes or not keys.is_name(header.content_id, header.kind, raw):
            raise NotAuthentic("not the content that its id names")
        return raw

    def _open_payload(self, keys: DomainKeys, header: RecordHeader, record: Buffer) -> memoryview:
        size = header.payload_bytes - TAG_BYTES
        if size < _LENGTHS.size:
            raise Malformed("a payload without lengths")
        self._grow(size)
        plain = memoryview(self._plain)[:size]
        key = derive(keys.key(header.epoch), "chunk-key", keys.space, header.content_id, header.salt)
        bound = ctx("chunk", keys.space, struct.pack(">I", header.epoch), header.plain)
        try:
            AESGCM(key).decrypt_into(_NONCE, memoryview(record)[RECORD_HEAD_BYTES:], bound, plain)
        except InvalidTag:
            raise NotAuthentic("the payload was changed") from None
        return plain

    def _expand(self, body: memoryview, raw_bytes: int, *, is_compressed: bool) -> bytes:
        if not is_compressed:
            return bytes(body)
        try:
            return self._codec.expand(body, raw_bytes)
        except ValueError:
            raise Malformed("not one whole compressed stream") from None

    def _draw(self) -> bytes:
        # One call of the system for many records: each lets another thread take the interpreter.
        if not self._drawn:
            self._drawn = memoryview(self._entropy(_DRAWN_BYTES))
        drawn, self._drawn = bytes(self._drawn[:SALT_BYTES]), self._drawn[SALT_BYTES:]
        return drawn

    def _grow(self, size: int) -> None:
        if len(self._record) < size:
            self._plain = bytearray(size)
            self._record = bytearray(size)


def open_header(keys: DomainKeys, record: Buffer) -> RecordHeader:
    """Return the header of the record that *record* starts with; the payload need not be there.

    Raises:
        NotAuthentic: not sealed for this domain, or changed.
        Malformed: too short, or authentic and yet not of the format.
    """
    head = bytes(record[:RECORD_HEAD_BYTES])
    if len(head) != RECORD_HEAD_BYTES:
        raise Malformed("a record is longer")
    epoch_bytes, salt = head[:4], head[4:_HEAD_BYTES]
    epoch = int.from_bytes(epoch_bytes, "big")
    key = derive(keys.key(epoch), "chunk-hdr", keys.space, salt)
    plain = _decrypt(key, head[_HEAD_BYTES:], ctx("chunk-hdr", keys.space, epoch_bytes))
    magic, suite, flags, kind, payload_bytes, zero, content_id = _HEADER.unpack(plain)
    if magic != _MAGIC or suite != _SUITE or flags & ~_COMPRESSED or zero or kind > MANIFEST:
        raise Malformed("not a chunk record of this release")
    return RecordHeader(content_id, kind, bool(flags), payload_bytes, salt, epoch, plain)


def seal_footer(keys: DomainKeys, epoch: int, plain: bytes, bound: tuple[bytes, ...], salt: bytes) -> bytes:
    """Return a pack's list of records sealed; *bound* is its header, the digest of what precedes it, and its offset."""
    key = derive(keys.key(epoch), "pack-footer", keys.space, bound[0], salt)
    return AESGCM(key).encrypt(_NONCE, plain, ctx("pack-footer", *bound))


def open_footer(keys: DomainKeys, epoch: int, sealed: bytes, bound: tuple[bytes, ...], salt: bytes) -> bytes:
    """Return what :func:`seal_footer` sealed.

    Raises:
        NotAuthentic: any byte of the pack before the footer, or of the footer, is another.
    """
    key = derive(keys.key(epoch), "pack-footer", keys.space, bound[0], salt)
    return _decrypt(key, sealed, ctx("pack-footer", *bound))


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(_NONCE, sealed, bound)
    except InvalidTag:
        raise NotAuthentic("another key or place, or changed") from None


def _prefixed(field: bytes) -> bytes:
    return len(field).to_bytes(4, "big") + field


def _mac_states(secret: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    block = secret.ljust(64, b"\0")
    return hashlib.sha256(block.translate(_INNER_PAD)), hashlib.sha256(block.translate(_OUTER_PAD))


def _fed(state: "hashlib._Hash", data: bytes) -> "hashlib._Hash":
    copy = state.copy()
    copy.update(data)
    return copy
