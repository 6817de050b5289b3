"""The table of settings: what was set for spaces, files and folders, from one seq until another, as JSON.

It is their past; what holds is read where it always was. A setting that never changed has no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cloudconnect.features.files.models import Setting, SettingKind
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class SettingRow:
    """What a setting was from one seq until another, None for now."""

    setting: Setting
    value: str
    from_seq: int
    to_seq: int | None


def keep(sql: Sql, space: SpaceId, setting: Setting, before: str | None, after: str | None, seq: int) -> None:
    """Keep that *setting* was *before* until *seq* and is *after* from then on; None is not set."""
    key = (setting.node, setting.kind.value, setting.key)
    ended = sql.execute(
        "UPDATE setting SET to_seq = ? WHERE subject = ? AND kind = ? AND key = ? AND to_seq IS NULL", (seq, *key)
    )
    if before is not None and not ended:
        _add(sql, space, key, before, _last_end(sql, key), seq)
    if after is not None:
        _add(sql, space, key, after, seq, None)


def find_touched(sql: Sql, space: SpaceId, first: int, last: int) -> list[SettingRow]:
    """Return the past since *first* of the settings in *space* that began or ended from *first* to *last*, in order."""
    rows = sql.rows(
        "WITH touched (subject, kind, key) AS ("
        "SELECT subject, kind, key FROM setting WHERE space = ? AND from_seq >= ? AND from_seq <= ?"
        " UNION SELECT subject, kind, key FROM setting WHERE space = ? AND to_seq >= ? AND to_seq <= ?)"
        " SELECT s.subject, s.kind, s.key, s.value, s.from_seq, s.to_seq FROM touched"
        " JOIN setting s ON s.subject = touched.subject AND s.kind = touched.kind AND s.key = touched.key"
        " WHERE s.to_seq IS NULL OR s.to_seq >= ? ORDER BY s.subject, s.kind, s.key, s.from_seq",
        (space, first, last, space, first, last, first),
    )
    return [
        SettingRow(Setting(NodeId(node), SettingKind(kind), key), value, int(from_seq), to_seq)
        for node, kind, key, value, from_seq, to_seq in rows
    ]


def touches(sql: Sql, space: SpaceId, first: int, last: int) -> bool:
    """Tell whether any setting in *space* began or ended from *first* to *last*."""
    row = sql.row(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM setting WHERE space = ? AND from_seq >= ? AND from_seq <= ?)"
        " OR EXISTS (SELECT 1 FROM setting WHERE space = ? AND to_seq >= ? AND to_seq <= ?)",
        (space, first, last, space, first, last),
    )
    return row is not None


def remove_nodes(sql: Sql, nodes: Sequence[NodeId]) -> None:
    """Remove what was ever set for *nodes*, which are gone for good."""
    sql.execute_many("DELETE FROM setting WHERE subject = ?", [(node,) for node in nodes])


def remove_all(sql: Sql, space: SpaceId) -> None:
    """Remove what was ever set in *space*, which is gone for good."""
    sql.execute("DELETE FROM setting WHERE space = ?", (space,))


def _last_end(sql: Sql, key: tuple[str, str, str]) -> int:
    """Return the seq at which the last spell of a setting ended, 0 for none."""
    row = sql.row(
        "SELECT COALESCE(MAX(to_seq), 0) FROM setting WHERE subject = ? AND kind = ? AND key = ?",
        key,
    )
    return 0 if row is None else int(row[0])


def _add(sql: Sql, space: SpaceId, key: tuple[str, str, str], value: str, from_seq: int, to_seq: int | None) -> None:
    sql.execute(
        "INSERT INTO setting (space, subject, kind, key, value, from_seq, to_seq) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (space, *key, value, from_seq, to_seq),
    )
