"""What a snapshot of the database says about the content that a backup must hold."""

from collections.abc import Iterator
from typing import NamedTuple

from cloudconnect.database.snapshot import Snapshot
from cloudconnect.kernel.ids import SpaceId, id_bytes


class Held(NamedTuple):
    """A version in a snapshot: the 16 bytes of its space, and what its content is; the size in bytes."""

    node: str
    space: bytes
    size: int
    sha256: bytes
    manifest: bytes


def find_packs(snapshot: Snapshot) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield id, domain and size of every pack that the snapshot needs."""
    for pack_id, domain, size in snapshot.rows("SELECT id, domain, size FROM pack WHERE state <> 'dead' ORDER BY id"):
        yield bytes(pack_id), bytes(domain), int(size)


def find_versions(snapshot: Snapshot) -> Iterator[Held]:
    """Yield every version, of files that are there, were there, or are in the trash."""
    statement = (
        "SELECT v.node, (SELECT space FROM entry e WHERE e.node = v.node LIMIT 1), v.size, v.sha256, v.manifest"
        " FROM version v ORDER BY v.node, v.seq"
    )
    for node, space, size, sha256, manifest in snapshot.rows(statement):
        yield Held(node, id_bytes(SpaceId(space)), int(size), bytes(sha256), bytes(manifest))


def locate(snapshot: Snapshot, keys: list[bytes]) -> Iterator[tuple[bytes, tuple[bytes, int, int, int]]]:
    """Yield where each of the chunks *keys* lies: pack id, offset, length and plain length."""
    marks = ", ".join("?" * len(keys))
    statement = (
        "SELECT chunk.key, pack.id, chunk.position, chunk.length, chunk.raw_length"  # noqa: S608 - question marks only
        f" FROM chunk JOIN pack ON pack.number = chunk.pack WHERE chunk.key IN ({marks})"
    )
    for key, pack_id, position, length, raw_length in snapshot.rows(statement, keys):
        yield bytes(key), (bytes(pack_id), int(position), int(length), int(raw_length))
