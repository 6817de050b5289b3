"""Forgetting, in a restored database, the spaces whose keys were destroyed since, with every name that was in them."""

import json
from collections.abc import Collection, Iterator

import apsw

from cloudconnect.kernel.redacting import redacted

_KEPT_TABLES = frozenset({"event", "space_log", "certificate"})
"""Tables that say of a space that it was there, and what happened to it."""


def forget_lost_spaces(copy: apsw.Connection, spaces: Collection[str]) -> bool:
    """Remove every space but *spaces* from the database *copy*, in the transaction that is open; tell if there was one.

    What happened in them stays told, in ids and numbers. Whatever lies in free pages is there until it is vacuumed.
    """
    copy.execute("CREATE TEMP TABLE kept (id TEXT PRIMARY KEY)")
    copy.executemany("INSERT INTO kept VALUES (?)", [(space,) for space in spaces])
    known = copy.execute("SELECT id FROM space UNION SELECT space FROM space_log").fetchall()
    lost = {str(space) for (space,) in known} - set(spaces)
    if lost:
        _forget_rows(copy)
        _forget_words(copy, lost)
    return bool(lost)


def _forget_rows(copy: apsw.Connection) -> None:
    gone = "space NOT IN (SELECT id FROM kept)"
    copy.execute(f"DELETE FROM upload_chunk WHERE upload IN (SELECT id FROM upload WHERE {gone})")  # noqa: S608 - no values
    copy.execute("DELETE FROM space WHERE id NOT IN (SELECT id FROM kept)")
    for table in _tables_with(copy, "space"):
        if table not in _KEPT_TABLES:
            copy.execute(f"DELETE FROM {table} WHERE {gone}")  # noqa: S608 - a name of our own schema
    for table in _tables_with(copy, "node"):
        if table not in _tables_with(copy, "space"):
            copy.execute(f"DELETE FROM {table} WHERE node NOT IN (SELECT node FROM entry)")  # noqa: S608 - as above
    # Nobody knows which of them name what was in a lost space, and none is for a request that comes again now.
    copy.execute("DELETE FROM idempotency")


def _forget_words(copy: apsw.Connection, lost: set[str]) -> None:
    facts = copy.execute(
        "SELECT subject, payload, position FROM event WHERE space IS NOT NULL AND space NOT IN (SELECT id FROM kept)"
    ).fetchall()
    emptied = [(redacted({"": subject})[""], _redacted(str(payload)), position) for subject, payload, position in facts]
    copy.executemany("UPDATE event SET subject = ?, payload = ? WHERE position = ?", emptied)
    copy.executemany("UPDATE parked SET error = '' WHERE position = ?", [(each[-1],) for each in emptied])
    told = copy.execute("SELECT parameters, result, id FROM operation").fetchall()
    copy.executemany(
        "UPDATE operation SET parameters = ?, result = ?, note = '', error = '', checkpoint = '' WHERE id = ?",
        [
            (_redacted(str(parameters)), _redacted(str(result)), identifier)
            for parameters, result, identifier in told
            if any(space in str(parameters) for space in lost)
        ],
    )


def _redacted(text: str) -> str:
    return json.dumps(redacted(json.loads(text)), separators=(",", ":"))


def _tables_with(copy: apsw.Connection, column: str) -> list[str]:
    return [table for table in _tables(copy) if column in _columns(copy, table)]


def _tables(copy: apsw.Connection) -> Iterator[str]:
    for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        yield str(name)


def _columns(copy: apsw.Connection, table: str) -> set[str]:
    return {str(name) for (name,) in copy.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()}
