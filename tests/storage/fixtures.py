"""What the engine's tests share: deterministic bytes, the keys of the vectors, and a codec every Python has."""

import hashlib
import json
import zlib
from pathlib import Path

from cloudconnect.storage.packs import PackWriter
from cloudconnect.storage.seal import ContentIds, DomainKeys, Key, Sealer

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())


def det(size: int, label: str) -> bytes:
    """Return *size* bytes that depend on *label* alone."""
    return hashlib.shake_256(label.encode()).digest(size)


class ZlibCodec:
    """The codec that the published vectors were made with."""

    label = VECTORS["chunks"][0]["codec"].encode()

    def compress(self, raw):
        packed = zlib.compress(raw, 6)
        return packed if len(packed) < len(raw) * 0.97 else None

    def expand(self, body, raw_bytes):
        inflater = zlib.decompressobj()
        try:
            raw = inflater.decompress(body, raw_bytes + 1)
        except zlib.error as error:
            raise ValueError from error
        if not inflater.eof or inflater.unused_data:
            raise ValueError
        return raw


def domain_keys(space="space", content="kcid", epochs=("sk1", "sk2")) -> DomainKeys:
    """Return keys named by labels; epochs count from one."""
    return DomainKeys(
        det(16, space),
        {number: Key(det(32, label)) for number, label in enumerate(epochs, 1)},
        ContentIds(Key(det(32, content))),
        Key(det(32, "cut")),
    )


KEYS = domain_keys(epochs=("sk1",))
RAWS = [
    (b"hello world " * (n // 12 + 1))[:n] if i % 2 else det(n, f"r{i}") for i, n in enumerate([0, 1, 100, 4096, 70000])
]


def sealed(place: int, keys: DomainKeys = KEYS) -> tuple[bytes, bytes, int]:
    """Return content id, record and flags of one of the vectors' chunks."""
    sealer = Sealer(ZlibCodec(), lambda size: det(size, f"s{place}"))
    name = keys.content_ids.of(0, RAWS[place])
    record, flags = sealer.seal(keys, 1, 0, name, RAWS[place])
    return name, bytes(record), flags


def pack_file(path: Path, places=range(5), label="", keys: DomainKeys = KEYS) -> tuple[bytes, bytes]:
    """Write a pack of the vectors' chunks; return its id and its bytes."""
    writer = PackWriter(path, keys, salt=det(24, f"ps{label}"), footer_salt=det(24, f"fs{label}"))
    for place in places:
        name, record, flags = sealed(place, keys)
        writer.append(record, name, len(RAWS[place]), 0, flags)
    return writer.finish(), path.read_bytes()


class Held:
    """A byte source over bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]
