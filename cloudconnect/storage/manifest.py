"""Manifests: what a version keeps to find its content again.

A manifest is one of

* ``00``: nothing;
* ``01 | content id 32 | u64 size``: one chunk;
* ``02 | u8 level | content id 32 | u64 size``: the root of a tree of nodes, each a chunk of class 1.

A node is ``"CCm1" | u8 level | 3 zero bytes | u32 n | n x {content id 32, u64 size}``, where level 0 lists chunks of
data and each higher level lists the nodes below it; *size* counts the plain bytes of the file underneath. Content is
found by size, so a range touches only the nodes on its way.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from cloudconnect.storage.index import CHUNK_KEY_BYTES
from cloudconnect.storage.seal import CONTENT_ID_BYTES, RAW_LIMIT_BYTES, Buffer, Malformed

NODE_ENTRIES: Final = 8192
"""The most entries of one node: 320 KiB, and 4 GiB of file at the usual size of chunks."""

EMPTY: Final = b"\x00"

_ONE: Final = 1
_TREE: Final = 2
_LEVEL_LIMIT: Final = 4  # 8192 ** 5 chunks: more than any stream
_ENTRY: Final = struct.Struct(f">{CONTENT_ID_BYTES}sQ")
_TREE_HEAD: Final = struct.Struct(">BB")
_NODE_HEAD: Final = struct.Struct(">4sB3xI")
_NODE_MAGIC: Final = b"CCm1"


class Entry(NamedTuple):
    """A chunk, or a node, and how many plain bytes of the file lie in it."""

    content_id: bytes
    size: int


class Piece(NamedTuple):
    """A chunk of data and the place of its first byte in the file."""

    start: int
    content_id: bytes
    size: int


Store = Callable[[Sequence[bytes]], list[bytes]]
"""Stores raw nodes as chunks of class 1 and returns their content ids."""
Load = Callable[[bytes], bytes]
"""Returns the raw node that a content id names."""


def write(entries: Sequence[Entry], store: Store, node_entries: int = NODE_ENTRIES) -> bytes:
    """Return the manifest of the chunks *entries*, storing as many nodes as that takes."""
    if not entries:
        return EMPTY
    if len(entries) == 1:
        return write_one(entries[0])
    level = 0
    while True:
        groups = [entries[start : start + node_entries] for start in range(0, len(entries), node_entries)]
        ids = store([_node(level, group) for group in groups])
        entries = [Entry(name, sum(entry.size for entry in group)) for name, group in zip(ids, groups, strict=True)]
        if len(entries) == 1:
            return _TREE_HEAD.pack(_TREE, level) + _ENTRY.pack(*entries[0])
        level += 1


def write_one(entry: Entry) -> bytes:
    """Return the manifest of a content of one chunk, or of none if *entry* is empty."""
    return bytes((_ONE,)) + _ENTRY.pack(*entry) if entry.size else EMPTY


def size(manifest: bytes) -> int:
    """Return how many plain bytes *manifest* stands for.

    Raises:
        Malformed: it is no manifest.
    """
    root, _ = _parse(manifest)
    return root.size if root else 0


def only_chunk(manifest: bytes) -> Entry | None:
    """Return the chunk that *manifest* is all of, or None when it has none or more than one.

    Raises:
        Malformed: it is no manifest.
    """
    root, level = _parse(manifest)
    return root if level < 0 else None


def root_key(manifest: bytes) -> bytes | None:
    """Return the key that names the content of *manifest*: the key of its root, or None when there is nothing.

    Raises:
        Malformed: it is no manifest.
    """
    root, _ = _parse(manifest)
    return root.content_id[:CHUNK_KEY_BYTES] if root else None


def is_tree(manifest: bytes) -> bool:
    """Tell whether *manifest* names a tree of nodes, whose chunks a content lists as its pieces."""
    return manifest[:1] == bytes((_TREE,))


def pieces(manifest: bytes, load: Load, start: int, stop: int) -> Iterator[Piece]:
    """Yield the chunks that hold the bytes from *start* up to *stop*, excluded, loading nodes as they are reached.

    Raises:
        Malformed: a manifest or node is not of the format, or the sizes do not add up.
    """
    root, level = _parse(manifest)
    if root is not None and start < stop:
        yield from _descend(root, level, load, 0, (start, stop))


def chunk_keys(manifest: bytes, load: Load) -> Iterator[bytes]:
    """Yield the content id of every chunk that *manifest* needs, of nodes as well as of data.

    Raises:
        Malformed: a manifest or node is not of the format.
    """
    root, level = _parse(manifest)
    if root is None:
        return
    waiting = [(root, level)]
    while waiting:
        entry, level = waiting.pop()
        yield entry.content_id
        if level >= 0:
            waiting.extend((below, level - 1) for below in _entries(load(entry.content_id), level, entry.size))


def read_node(raw: Buffer) -> tuple[int, list[Entry]]:
    """Return the level of a node and its entries, when nothing is known of what it belongs to.

    Raises:
        Malformed: it is no node.
    """
    if len(raw) < _NODE_HEAD.size:
        raise Malformed("a node is longer")
    level = _NODE_HEAD.unpack_from(raw)[1]
    total = sum(size for _, size in _ENTRY.iter_unpack(_whole(memoryview(raw)[_NODE_HEAD.size :])))
    return level, _entries(raw, level, total)


def _whole(entries: memoryview) -> memoryview:
    if len(entries) % _ENTRY.size:
        raise Malformed("entries that are cut off")
    return entries


def _descend(entry: Entry, level: int, load: Load, place: int, wanted: tuple[int, int]) -> Iterator[Piece]:
    if level < 0:
        yield Piece(place, *entry)
        return
    for below in _entries(load(entry.content_id), level, entry.size):
        if place >= wanted[1]:
            return
        if place + below.size > wanted[0]:
            yield from _descend(below, level - 1, load, place, wanted)
        place += below.size


def _node(level: int, entries: Sequence[Entry]) -> bytes:
    return _NODE_HEAD.pack(_NODE_MAGIC, level, len(entries)) + b"".join(_ENTRY.pack(*entry) for entry in entries)


def _parse(manifest: bytes) -> tuple[Entry | None, int]:
    """Return the root and its level, which is -1 for a single chunk of data."""
    if manifest == EMPTY:
        return None, -1
    if len(manifest) == 1 + _ENTRY.size and manifest[0] == _ONE:
        entry = Entry(*_ENTRY.unpack_from(manifest, 1))
        if not 0 < entry.size <= RAW_LIMIT_BYTES:
            raise Malformed("a chunk of impossible size")
        return entry, -1
    if len(manifest) == _TREE_HEAD.size + _ENTRY.size and manifest[0] == _TREE and manifest[1] <= _LEVEL_LIMIT:
        return Entry(*_ENTRY.unpack_from(manifest, _TREE_HEAD.size)), manifest[1]
    raise Malformed("not a manifest of this release")


def _entries(node: Buffer, level: int, total: int) -> list[Entry]:
    if len(node) < _NODE_HEAD.size:
        raise Malformed("a node is longer")
    magic, found, count = _NODE_HEAD.unpack_from(node)
    if magic != _NODE_MAGIC or found != level or len(node) != _NODE_HEAD.size + count * _ENTRY.size or any(node[5:8]):
        raise Malformed("not the node that belongs here")
    entries = [Entry(*fields) for fields in _ENTRY.iter_unpack(memoryview(node)[_NODE_HEAD.size :])]
    too_large = level == 0 and any(entry.size > RAW_LIMIT_BYTES for entry in entries)
    if too_large or not all(entry.size for entry in entries) or sum(entry.size for entry in entries) != total:
        raise Malformed("sizes that do not add up")
    return entries
