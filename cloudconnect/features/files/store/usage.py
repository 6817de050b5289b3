"""What a folder takes in the store, found by plain look-ups whose number grows with the folder and not with the store.

A chunk is needed by a version whose content it is, or whose content it is a piece of. Whether something outside the
folder needs it as well is told by counts: a content that as many versions name as there are below the folder is named
by no other, and likewise for the contents that a chunk is a piece of.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from cloudconnect.features.files.models import Entry, Footprint
from cloudconnect.kernel.ids import NodeId, SpaceId, id_bytes
from cloudconnect.ports.sql import Row, Sql

_ASKED_AT_ONCE = 512


@dataclass(slots=True)
class Below:
    """The nodes below a folder: the present version of each file, those of removed files apart."""

    folders: int = 0
    files: dict[NodeId, int] = field(default_factory=dict)
    trashed: dict[NodeId, int] = field(default_factory=dict)


@dataclass(slots=True)
class Held:
    """The versions of some nodes: their plain bytes, and of each content how long it is and how many name it."""

    logical_bytes: int = 0
    version_bytes: int = 0
    trash_bytes: int = 0
    sizes: dict[bytes, int] = field(default_factory=dict)
    names: Counter[bytes] = field(default_factory=Counter)


def find_footprint(sql: Sql, space: SpaceId, top: Entry) -> Footprint:
    """Return what lies below *top*, present, past and removed, and what that takes in the store.

    A whole space takes what lies in its packs; that includes what gc has not taken yet.
    """
    below = _find_below(sql, top)
    held = _find_held(sql, below)
    if top.parent is None:
        stored = freed = _packed_bytes(sql, space)
    else:
        stored, freed = _find_chunk_bytes(sql, held.names)
    return Footprint(
        path=top.path,
        files=len(below.files),
        folders=below.folders,
        logical_bytes=held.logical_bytes,
        version_bytes=held.version_bytes,
        trash_bytes=held.trash_bytes,
        unique_bytes=sum(held.sizes.values()),
        stored_bytes=stored,
        freed_bytes=freed,
    )


def _find_below(sql: Sql, top: Entry) -> Below:
    below = Below()
    if top.version is not None:
        below.files[top.node] = top.version
        return below
    present: list[NodeId] = [top.node]
    removed: list[NodeId] = []
    while present or removed:
        next_present, files = _children(sql, present)
        below.folders += len(next_present)
        below.files.update(files)
        next_removed: list[NodeId] = []
        for folders, files in (_children(sql, removed), _trashed(sql, present), _trashed(sql, removed)):
            next_removed += folders
            below.trashed.update(files)
        present, removed = next_present, next_removed
    return below


def _children(sql: Sql, folders: Sequence[NodeId]) -> tuple[list[NodeId], dict[NodeId, int]]:
    """Return the folders in *folders*, and the files with the version of each."""
    return _sort(sql, "SELECT node, version FROM entry WHERE to_seq IS NULL AND parent IN ", folders)


def _trashed(sql: Sql, folders: Sequence[NodeId]) -> tuple[list[NodeId], dict[NodeId, int]]:
    """Return the folders that were removed from *folders*, and the files with the version of each."""
    return _sort(
        sql,
        "SELECT e.node, e.version FROM trash t JOIN entry e ON e.node = t.node AND e.to_seq = t.trashed_seq"
        " WHERE t.parent IN ",
        folders,
    )


def _sort(sql: Sql, question: str, folders: Sequence[NodeId]) -> tuple[list[NodeId], dict[NodeId, int]]:
    inner: list[NodeId] = []
    files: dict[NodeId, int] = {}
    for node, version in _ask(sql, question, folders):
        if version is None:
            inner.append(NodeId(node))
        else:
            files[NodeId(node)] = version
    return inner, files


def _find_held(sql: Sql, below: Below) -> Held:
    held = Held()
    question = "SELECT node, seq, size, content FROM version WHERE pruned_ms IS NULL AND node IN "
    for node, seq, size, content in _ask(sql, question, [*below.files, *below.trashed]):
        if node in below.trashed:
            held.trash_bytes += size
        elif below.files[node] == seq:
            held.logical_bytes += size
        else:
            held.version_bytes += size
        if content is not None:
            held.sizes[content] = size
            held.names[content] += 1
    return held


def _packed_bytes(sql: Sql, space: SpaceId) -> int:
    row = sql.row(
        "SELECT COALESCE(SUM(chunk.length), 0) FROM pack JOIN chunk ON chunk.pack = pack.number WHERE pack.domain = ?",
        (id_bytes(space),),
    )
    return 0 if row is None else int(row[0])


def _find_chunk_bytes(sql: Sql, names: Counter[bytes]) -> tuple[int, int]:
    """Return how long the chunks are that the contents *names* need, and those that nothing else needs."""
    counts = _ask(sql, "SELECT content, COUNT(*) FROM version WHERE content IN ", names, " GROUP BY content")
    own = {content for content, count in counts if count == names[content]}
    listed = Counter(_pieces(sql, own))
    # Sorted once: what is picked from it stays sorted, so that every look-up walks its index in order.
    chunks = sorted(own | listed.keys())
    shared = _find_shared(sql, own, listed, chunks)
    elsewhere = (names.keys() - own).union(_pieces(sql, names.keys() - own)) - own - listed.keys()
    freed = _length(sql, [chunk for chunk in chunks if chunk not in shared])
    return freed + _length(sql, shared) + _length(sql, elsewhere), freed


def _find_shared(sql: Sql, own: set[bytes], listed: Counter[bytes], chunks: Sequence[bytes]) -> set[bytes]:
    """Return those of *chunks* that some version needs whose content is not among *own*."""
    shared = _named(sql, [chunk for chunk in chunks if chunk not in own])
    counts = _ask(sql, "SELECT chunk, COUNT(*) FROM piece WHERE chunk IN ", chunks, " GROUP BY chunk")
    doubtful = [chunk for chunk, count in counts if count != listed[chunk] and chunk not in shared]
    users = [
        (chunk, content)
        for chunk, content in _ask(sql, "SELECT chunk, content FROM piece WHERE chunk IN ", doubtful)
        if content not in own
    ]
    # A content that nobody names any more is on its way out and needs nothing.
    named = _named(sql, {content for _, content in users})
    return shared | {chunk for chunk, content in users if content in named}


def _pieces(sql: Sql, contents: Collection[bytes]) -> Iterator[bytes]:
    return (row[0] for row in _ask(sql, "SELECT chunk FROM piece WHERE content IN ", contents))


def _named(sql: Sql, contents: Collection[bytes]) -> set[bytes]:
    """Return those of *contents* that some version names."""
    return {row[0] for row in _ask(sql, "SELECT DISTINCT content FROM version WHERE content IN ", contents)}


def _length(sql: Sql, chunks: Collection[bytes]) -> int:
    return sum(int(row[0]) for row in _ask(sql, "SELECT COALESCE(SUM(length), 0) FROM chunk WHERE key IN ", chunks))


def _ask(sql: Sql, question: str, keys: Iterable[Any], tail: str = "") -> Iterator[Row]:
    """Yield the answers to *question* for *keys*, of which each statement takes some hundred, in order."""
    waiting = iter(sorted(keys))
    while batch := list(islice(waiting, _ASKED_AT_ONCE)):
        yield from sql.rows(f"{question}({', '.join('?' * len(batch))}){tail}", batch)
