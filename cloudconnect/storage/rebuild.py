"""Rebuilding: what packs and keys alone tell when the database is lost (SECURITY.md, section 5.2).

Each pack lists its records in its footer; where that is damaged the records are walked one by one. From these lists
the index is made anew, the newest catalog that can be read whole gives back the tree, and what was stored after it is
found as contents without a name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cloudconnect.storage import index, packs
from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.again import read_again
from cloudconnect.storage.backends import Backend
from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from cloudconnect.storage.catalog import HEAD_BYTES, Head
from cloudconnect.storage.errors import ContentDamaged, NoDomain
from cloudconnect.storage.index import CHUNK_KEY_BYTES, ChunkRow, Place, Sql, StoredPack
from cloudconnect.storage.ingest import StoredContent
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.packs import PackEntry, pack_id_of
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.seal import DATA, MANIFEST, Codec, DomainKeys, Malformed, NotAuthentic, Sealer, open_header

_ASKED_AT_ONCE: Final = 256


class ListedPack(NamedTuple):
    """A pack of the backend and the records in it; one that is not whole lists those that were found."""

    pack: StoredPack
    entries: list[PackEntry]
    is_whole: bool


class Unnamed(NamedTuple):
    """A content that no version names: its space, its 32-byte content id, and its chunks in order."""

    space: bytes
    content_id: bytes
    chunks: list[Entry]


def walk(
    backend: Backend, keyring: Keyring, codec: Codec, domain: bytes | None = None, *, name: str = index.MAIN
) -> Iterator[ListedPack]:
    """Yield every pack whose keys are there, by name; only those of *domain* if it is given.

    One that the disk does not give lists nothing, and belongs into no index: the next start sets it aside, unharmed.
    """
    sealer = Sealer(codec)
    for path, size in sorted(backend.names()):
        found = pack_id_of(path)
        if found is None or domain not in {None, found[0]}:
            continue
        try:
            keys = keyring.domain(found[0])
        except NoDomain:
            continue
        yield _list(_Source(backend, path, size), StoredPack(found[1], found[0], size, name), keys, sealer)


def add_pack(sql: Sql, listed: ListedPack) -> None:
    """Put a pack and its chunks into the index; of two copies of a chunk the one in a whole pack counts.

    A pack in which nothing was found stays out, so that nothing ever takes it for one that is empty.
    """
    pack = listed.pack
    if not listed.entries:
        return
    chunks = tuple(
        ChunkRow(entry.content_id[:CHUNK_KEY_BYTES], Place(pack.pack_id, entry.offset, entry.length, entry.raw_length))
        for entry in listed.entries
    )
    index.settle(sql, StoredContent(manifests.EMPTY, 0, b"", 0, 0, (pack,), chunks, ()))
    if not listed.is_whole:
        index.mark_damaged(sql, [pack.pack_id])


def find_heads(listed: Iterable[ListedPack], reader: Reader, keyring: Keyring) -> list[Head]:
    """Return the heads of the catalogs in *listed* packs, newest first."""
    keys = keyring.domain(CATALOG_DOMAIN)
    heads = []
    for each in listed:
        for entry in each.entries:
            if entry.kind == DATA and entry.raw_length <= HEAD_BYTES:
                head = Head.decode(_load(reader, keys, entry.content_id))
                if head is not None:
                    heads.append(head)
    return sorted(heads, key=lambda head: head.position, reverse=True)


def find_unnamed(listed: Sequence[ListedPack], reader: Reader, keyring: Keyring, sql: Sql) -> Iterator[Unnamed]:
    """Yield the contents in *listed* packs that no version and no list of pieces in the database names.

    What belongs to an upload that was broken off is among them, chunk by chunk.
    """
    domains: dict[bytes, dict[bytes, PackEntry]] = {}
    for each in listed:
        domains.setdefault(each.pack.domain, {}).update({entry.content_id: entry for entry in each.entries})
    domains.pop(CATALOG_DOMAIN, None)
    for space, entries in domains.items():
        keys = keyring.domain(space)
        trees = _trees(reader, keys, entries)
        below = {entry.content_id for _, held in trees.values() for entry in held}
        tops = [name for name, entry in entries.items() if name not in below and (entry.kind == DATA or name in trees)]
        for name in _unknown(sql, tops):
            chunks = _leaves(reader, keys, name, trees) if name in trees else [Entry(name, entries[name].raw_length)]
            if chunks:
                yield Unnamed(space, name, chunks)


def count_missing(sql: Sql) -> int:
    """Return how many contents that are named have a part that is in no pack."""
    row = sql.row(
        "SELECT (SELECT COUNT(*) FROM version v WHERE v.content IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM chunk c WHERE c.key = v.content)"
        " AND NOT EXISTS (SELECT 1 FROM piece p WHERE p.content = v.content))"
        " + (SELECT COUNT(DISTINCT p.content) FROM piece p"
        " WHERE NOT EXISTS (SELECT 1 FROM chunk c WHERE c.key = p.chunk))"
    )
    return 0 if row is None else int(row[0])


def places(listed: Iterable[ListedPack]) -> Mapping[bytes, Place]:
    """Return where each chunk of *listed* packs lies, for a reader that has no index."""
    found: dict[bytes, Place] = {}
    for each in listed:
        for entry in each.entries:
            key = entry.content_id[:CHUNK_KEY_BYTES]
            found.setdefault(key, Place(each.pack.pack_id, entry.offset, entry.length, entry.raw_length))
    return found


class _Source(NamedTuple):
    """One stored object (``packs.ByteSource``)."""

    backend: Backend
    name: str
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Return a range."""
        return read_again(lambda: self.backend.read(self.name, offset, length))


def _list(source: _Source, pack: StoredPack, keys: DomainKeys, sealer: Sealer) -> ListedPack:
    try:
        try:
            packs.verify(source, pack.pack_id)
            return ListedPack(pack, packs.entries(source, keys), is_whole=True)
        except (Malformed, NotAuthentic):
            return ListedPack(pack, _salvaged(source, keys, sealer), is_whole=False)
    except OSError:
        return ListedPack(pack, [], is_whole=False)


def _salvaged(source: _Source, keys: DomainKeys, sealer: Sealer) -> list[PackEntry]:
    found = []
    for offset, record in packs.salvage(source, keys):
        try:
            raw = sealer.unseal(keys, record)
        except (Malformed, NotAuthentic):
            continue
        header = open_header(keys, record)
        flags = int(header.is_compressed)
        found.append(PackEntry(header.content_id, offset, len(record), len(raw), header.kind, flags))
    return found


def _load(reader: Reader, keys: DomainKeys, content_id: bytes) -> bytes:
    """Return one chunk, nothing where it cannot be had."""
    try:
        return reader.load(keys, content_id)
    except ContentDamaged:
        return b""


def _trees(
    reader: Reader, keys: DomainKeys, entries: Mapping[bytes, PackEntry]
) -> dict[bytes, tuple[int, list[Entry]]]:
    """Return level and entries of every node of a manifest that can be read."""
    trees = {}
    for name, entry in entries.items():
        if entry.kind == MANIFEST:
            try:
                trees[name] = manifests.read_node(_load(reader, keys, name))
            except Malformed:
                continue
    return trees


def _leaves(
    reader: Reader, keys: DomainKeys, name: bytes, trees: Mapping[bytes, tuple[int, list[Entry]]]
) -> list[Entry]:
    """Return the chunks of data under a node, none if a part of it is missing."""
    try:
        level, held = trees[name] if name in trees else manifests.read_node(_load(reader, keys, name))
    except Malformed:
        return []
    if not level:
        return held
    parts = [_leaves(reader, keys, entry.content_id, trees) for entry in held]
    return [entry for part in parts for entry in part] if all(parts) else []


def _unknown(sql: Sql, names: Sequence[bytes]) -> Iterator[bytes]:
    for start in range(0, len(names), _ASKED_AT_ONCE):
        batch = names[start : start + _ASKED_AT_ONCE]
        marks = ", ".join("?" * len(batch))
        keys = [name[:CHUNK_KEY_BYTES] for name in batch]
        known = {
            row[0]
            for statement in ("SELECT content FROM version WHERE content IN", "SELECT chunk FROM piece WHERE chunk IN")
            for row in sql.rows(f"{statement} ({marks})", keys)
        }
        yield from (name for name in batch if name[:CHUNK_KEY_BYTES] not in known)
