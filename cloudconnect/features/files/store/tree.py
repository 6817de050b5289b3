"""The temporal tree: every row says from which seq until which it was true.

A row is true at *seq* when ``from_seq <= seq`` and ``to_seq`` is null or greater. Rows of the present and of the past
lie behind two partial indexes, so a question about the past asks both and lets the database merge the answers.
"""

from collections.abc import Iterable, Sequence

from cloudconnect.features.files.errors import VersionPruned
from cloudconnect.features.files.models import Entry, EntryKind, Version
from cloudconnect.features.files.store import properties, settings, states, tags
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Row, Sql, Value

_ANSWER = "e.node, e.parent, e.name, e.modified_ns, e.from_seq, e.version, v.size, v.media_type, v.sha256"
_WITH_VERSION = "LEFT JOIN version v ON v.node = e.node AND v.seq = e.version"
_COLUMNS = f"{_ANSWER} FROM entry e {_WITH_VERSION}"
_PRESENT = "e.to_seq IS NULL"
_ASKED_AT_ONCE = 400
_OF_KIND = {None: "", EntryKind.FOLDER: " AND e.version IS NULL", EntryKind.FILE: " AND e.version IS NOT NULL"}


def find_child(sql: Sql, parent: Entry, name: str, at: int | None) -> Entry | None:
    """Return what is called *name* in the folder *parent*, now or as of the seq *at*."""
    rows = _where(sql, "e.parent = ? AND e.name = ?", (parent.node, name), at, "")
    return _entry(rows[0], parent.path) if rows else None


def find_named(sql: Sql, parent: Entry, names: Sequence[str]) -> dict[str, Entry]:
    """Return what of *names* is in the folder *parent* now, by name."""
    found: dict[str, Entry] = {}
    for start in range(0, len(names), _ASKED_AT_ONCE):
        part = names[start : start + _ASKED_AT_ONCE]
        rows = _where(sql, f"e.parent = ? AND e.name IN ({', '.join('?' * len(part))})", (parent.node, *part), None, "")
        found.update((row[2], _entry(row, parent.path)) for row in rows)
    return found


def find_line(sql: Sql, space: SpaceId, root: NodeId, names: Sequence[str]) -> list[Entry]:
    """Return what lies now on the way from the node *root* of *space* along *names*, *root* first, as far as it leads.

    One statement for the whole way: most requests ask for one, and each statement has a price of its own.
    """
    steps = ", ".join(f"({depth:d}, CAST(? AS TEXT))" for depth in range(1, len(names) + 1))
    rows = sql.rows(
        f"WITH RECURSIVE step (depth, name) AS (VALUES {steps}),"  # noqa: S608 - numbers and question marks only
        " e (depth, node, parent, name, modified_ns, from_seq, version) AS ("
        "SELECT 0, node, parent, name, modified_ns, from_seq, version FROM entry"
        " WHERE node = ? AND space = ? AND to_seq IS NULL UNION ALL "
        "SELECT step.depth, c.node, c.parent, c.name, c.modified_ns, c.from_seq, c.version FROM e"
        " JOIN step ON step.depth = e.depth + 1"
        " JOIN entry c ON c.parent = e.node AND c.name = step.name AND c.to_seq IS NULL)"
        f" SELECT {_ANSWER} FROM e {_WITH_VERSION} ORDER BY e.depth",
        (*names, root, space),
    )
    line: list[Entry] = []
    for row in rows:
        line.append(_entry(row, line[-1].path if line else ""))
    return line


def find_children(
    sql: Sql, parent: Entry, at: int | None, after: str, limit: int, kind: EntryKind | None = None
) -> list[Entry]:
    """Return up to *limit* entries of the folder *parent*, of one *kind* or of both, by name, behind *after*."""
    order = f" ORDER BY name LIMIT {limit:d}"
    rows = _where(sql, f"e.parent = ? AND e.name > ?{_OF_KIND[kind]}", (parent.node, after), at, order)
    return [_entry(row, parent.path) for row in rows]


def find_row(sql: Sql, space: SpaceId, node: NodeId, at: int | None) -> Entry | None:
    """Return the entry of *node* in *space*, its path unknown but for its name, or None when it is not in the tree."""
    rows = _where(sql, "e.node = ? AND e.space = ?", (node, space), at, "")
    return _entry(rows[0], "") if rows else None


def find_rows(sql: Sql, space: SpaceId, nodes: Sequence[NodeId], at: int | None) -> dict[NodeId, Entry]:
    """Return the entries of those of *nodes* that are in *space*, their paths unknown but for their names."""
    found: dict[NodeId, Entry] = {}
    for start in range(0, len(nodes), _ASKED_AT_ONCE):
        part = nodes[start : start + _ASKED_AT_ONCE]
        rows = _where(sql, f"e.node IN ({', '.join('?' * len(part))}) AND e.space = ?", (*part, space), at, "")
        found.update((NodeId(row[0]), _entry(row, "")) for row in rows)
    return found


def measure(sql: Sql, folder: NodeId, at: int | None) -> tuple[int, int, int]:
    """Return how many files, how many folders, and how many plain bytes lie below *folder*."""
    files = folders = size = 0
    level: Sequence[NodeId] = [folder]
    while level:
        below: list[NodeId] = []
        for start in range(0, len(level), _ASKED_AT_ONCE):
            part = level[start : start + _ASKED_AT_ONCE]
            rows = _where(sql, f"e.parent IN ({', '.join('?' * len(part))})", part, at, "")
            below += [NodeId(row[0]) for row in rows if row[5] is None]
            size += sum(row[6] for row in rows if row[5] is not None)
            files += sum(row[5] is not None for row in rows)
        folders += len(below)
        level = below
    return files, folders, size


def count_files(sql: Sql, folder: NodeId, most: int) -> int:
    """Return how many files lie below *folder*, or a number from *most* on if there are more."""
    files = 0
    level: Sequence[NodeId] = [folder]
    while level and files < most:
        part, rest = level[:_ASKED_AT_ONCE], level[_ASKED_AT_ONCE:]
        marks = ", ".join("?" * len(part))
        rows = sql.rows(f"SELECT node, version FROM entry WHERE parent IN ({marks}) AND to_seq IS NULL", part)  # noqa: S608 - question marks only
        files += sum(version is not None for _, version in rows)
        level = [*rest, *(NodeId(node) for node, version in rows if version is None)]
    return files


def add_entry(sql: Sql, space: SpaceId, entry: Entry) -> None:
    """Add the row that is true from the entry's ``from_seq`` on."""
    add_entries(sql, space, [entry])


def add_entries(sql: Sql, space: SpaceId, entries: Iterable[Entry]) -> None:
    """Add the rows of many entries at once; the folders that they go into, and those above, have changed."""
    added = list(entries)
    sql.execute_many(
        "INSERT INTO entry (node, from_seq, to_seq, space, parent, name, version, modified_ns)"
        " VALUES (?, ?, NULL, ?, ?, ?, ?, ?)",
        [
            (entry.node, entry.from_seq, space, entry.parent, entry.name, entry.version, entry.modified_ns)
            for entry in added
        ],
    )
    changed = {entry.parent: entry.from_seq for entry in added if entry.parent is not None}
    for entry in added:
        changed.pop(entry.node, None)
    states.touch(sql, changed.items())


def close_entry(sql: Sql, node: NodeId, seq: int) -> None:
    """End the present row of *node*: from *seq* on it is no longer true."""
    close_entries(sql, [(node, seq)])


def close_entries(sql: Sql, ends: Iterable[tuple[NodeId, int]]) -> None:
    """End the present rows of many nodes, each with its seq."""
    sql.execute_many(
        "UPDATE entry SET to_seq = ? WHERE node = ? AND to_seq IS NULL", [(seq, node) for node, seq in ends]
    )


def add_version(sql: Sql, version: Version) -> None:
    """Add a version of a file's content."""
    add_versions(sql, [version])


def add_versions(sql: Sql, versions: Iterable[Version]) -> None:
    """Add versions of many files."""
    sql.execute_many(
        "INSERT INTO version (node, seq, size, sha256, media_type, manifest, content, author, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                version.node,
                version.seq,
                version.size,
                version.sha256,
                version.media_type,
                version.manifest,
                version.content,
                version.author,
                to_ms(version.created),
            )
            for version in versions
        ],
    )


def get_version(sql: Sql, node: NodeId, seq: int) -> Version:
    """Return the version of *node* that was written at *seq*; an entry that names it vouches that it is there.

    Raises:
        VersionPruned: its content is no longer kept.
    """
    row = sql.row(
        "SELECT node, seq, size, sha256, media_type, manifest, content, author, created_ms FROM version"
        " WHERE node = ? AND seq = ?",
        (node, seq),
    )
    if row is None:
        raise LookupError(f"entry of {node} names version {seq}, which is not there")
    if not row[5]:
        raise VersionPruned(fix=N_("See which versions are kept, with: cloudconnect version list PATH"))
    return Version(NodeId(row[0]), row[1], row[2], row[3], row[4], row[5], row[6], row[7], from_ms(row[8]))


def find_manifests(sql: Sql, versions: Sequence[tuple[NodeId, int]]) -> dict[tuple[NodeId, int], bytes]:
    """Return the manifests of *versions*, each given by its node and seq."""
    found: dict[tuple[NodeId, int], bytes] = {}
    for start in range(0, len(versions), _ASKED_AT_ONCE):
        part = versions[start : start + _ASKED_AT_ONCE]
        pairs = ", ".join(["(CAST(? AS TEXT), CAST(? AS BIGINT))"] * len(part))
        rows = sql.rows(
            f"WITH wanted (node, seq) AS (VALUES {pairs}) SELECT v.node, v.seq, v.manifest FROM wanted"  # noqa: S608 - question marks only
            # Not JOIN: SQLite would then walk through every version there is, for each portion anew.
            " CROSS JOIN version v WHERE v.node = wanted.node AND v.seq = wanted.seq",
            [field for version in part for field in version],
        )
        found.update(((NodeId(node), seq), manifest) for node, seq, manifest in rows)
    return found


def copy_versions(sql: Sql, pairs: Iterable[tuple[NodeId, int, NodeId]], seq: int, author: str, now_ms: int) -> None:
    """For each (node, its version's seq, new node), give the new node the same content as of *seq*.

    Raises:
        VersionPruned: the content of one is no longer kept.
    """
    pairs = list(pairs)
    if any(not manifest for manifest in find_manifests(sql, [(node, version) for node, version, _ in pairs]).values()):
        raise VersionPruned(fix=N_("Choose another moment."))
    sql.execute_many(
        "INSERT INTO version (node, seq, size, sha256, media_type, manifest, content, author, created_ms)"
        " SELECT ?, CAST(? AS BIGINT), size, sha256, media_type, manifest, content, ?, CAST(? AS BIGINT)"
        " FROM version WHERE node = ? AND seq = ?",
        [(copied, seq, author, now_ms, node, version) for node, version, copied in pairs],
    )


def _where(sql: Sql, condition: str, parameters: Sequence[Value], at: int | None, tail: str) -> list[Row]:
    if at is None:
        return sql.rows(f"SELECT {_COLUMNS} WHERE {condition} AND {_PRESENT}{tail}", parameters)
    return sql.rows(
        f"SELECT {_COLUMNS} WHERE {condition} AND e.to_seq IS NULL AND e.from_seq <= ?"
        f" UNION ALL SELECT {_COLUMNS} WHERE {condition} AND e.to_seq IS NOT NULL AND e.from_seq <= ? AND e.to_seq > ?"
        f"{tail}",
        (*parameters, at, *parameters, at, at),
    )


def _entry(row: Row, folder_path: str) -> Entry:
    node, parent, name, modified_ns, from_seq, version, size, media_type, sha256 = row
    return Entry(
        node=NodeId(node),
        parent=None if parent is None else NodeId(parent),
        name=name,
        path=f"{folder_path.rstrip('/')}/{name}",
        modified_ns=modified_ns,
        from_seq=from_seq,
        version=version,
        size=size,
        media_type=media_type,
        sha256=sha256,
    )


def find_nodes(sql: Sql, space: SpaceId, after: NodeId, limit: int) -> list[NodeId]:
    """Return up to *limit* nodes that are or were in *space*, in order, behind *after*."""
    rows = sql.rows(
        "SELECT DISTINCT node FROM entry WHERE space = ? AND node > ? ORDER BY node LIMIT ?", (space, after, limit)
    )
    return [NodeId(node) for (node,) in rows]


def remove_nodes(sql: Sql, nodes: Sequence[NodeId]) -> None:
    """Remove *nodes* with their past and all their versions."""
    tags.remove_nodes(sql, nodes)
    settings.remove_nodes(sql, nodes)
    keys = [(node,) for node in nodes]
    sql.execute_many("DELETE FROM version WHERE node = ?", keys)
    sql.execute_many("DELETE FROM entry WHERE node = ?", keys)
    states.forget(sql, nodes)
    properties.forget(sql, nodes)
    sql.execute_many("DELETE FROM version_pin WHERE node = ?", keys)


def remove_all(sql: Sql, space: SpaceId) -> None:
    """Remove every node that is or was in *space*, all in one statement: for the last few."""
    states.forget_all(sql, space)
    properties.forget_all(sql, space)
    tags.remove_all(sql, space)
    settings.remove_all(sql, space)
    sql.execute("DELETE FROM version WHERE node IN (SELECT node FROM entry WHERE space = ?)", (space,))
    sql.execute("DELETE FROM entry WHERE space = ?", (space,))
