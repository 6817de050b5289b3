"""Which versions cannot be had any more as they were written, because chunks of them are damaged."""

from collections.abc import Collection, Sequence

from cloudconnect.features.files.models import DamagedFile
from cloudconnect.kernel.clock import from_ms
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql, Value

_FIND = """
WITH hit (content, found_ms) AS (
    SELECT piece.content, damaged.found_ms FROM damaged JOIN piece ON piece.chunk = damaged.key
    UNION ALL SELECT key, found_ms FROM damaged
)
SELECT v.node, v.seq, v.size, MIN(hit.found_ms), COUNT(*) FROM hit JOIN version v ON v.content = hit.content
 WHERE (v.node, v.seq) > (?, ?){among} GROUP BY v.node, v.seq, v.size ORDER BY v.node, v.seq LIMIT ?
"""
_AMONG = " AND EXISTS (SELECT 1 FROM entry WHERE entry.node = v.node AND entry.space IN ({marks}))"
_LAST = """
SELECT space, parent, name, version, to_seq FROM entry WHERE node = ? ORDER BY from_seq DESC LIMIT 1
"""


def find_damaged(sql: Sql, spaces: Collection[SpaceId] | None, after: tuple[str, int], limit: int) -> list[DamagedFile]:
    """Return up to *limit* damaged versions behind *after*, by node and version; those in *spaces* unless it is None.

    The path is where the file is, or where it was last.
    """
    if spaces is not None and not spaces:
        return []
    among = "" if spaces is None else _AMONG.format(marks=", ".join("?" * len(spaces)))
    values: Sequence[Value] = (*after, *(spaces or ()), limit)
    found = sql.rows(_FIND.format(among=among), values)
    return [_describe(sql, NodeId(node), *map(int, figures)) for node, *figures in found]


def _describe(sql: Sql, node: NodeId, seq: int, size: int, found_ms: int, chunks: int) -> DamagedFile:
    row = sql.row(_LAST, (node,))
    if row is None:
        raise LookupError(node)
    space, parent, name, version, to_seq = row
    return DamagedFile(
        space=SpaceId(space),
        path=_path(sql, parent, name),
        version=seq,
        node=node,
        size=size,
        chunks=chunks,
        found=from_ms(found_ms),
        is_present=to_seq is None and version == seq,
    )


def _path(sql: Sql, parent: str | None, name: str) -> str:
    names = [name]
    while parent is not None and (row := sql.row(_LAST, (parent,))) is not None:
        _, parent, above, _, _ = row
        names.append(above)
    # The last one is the root, whose name is no part of a path.
    return "/" + "/".join(reversed(names[:-1]))
