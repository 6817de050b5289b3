"""How long versions and what was removed are kept: pins, rules, and what is being purged.

A version that was pruned keeps its row, without manifest and content: what was true at a moment stays told, with its
size and hash, and gc takes the content. ``purge`` holds the nodes whose rows, and all below them, are still to go.
"""

STATEMENTS = (
    "ALTER TABLE version ADD COLUMN pruned_ms BIGINT",
    """
    CREATE TABLE version_pin (
        node {text} NOT NULL,
        seq BIGINT NOT NULL,
        note {text} NOT NULL,
        pinned_ms BIGINT NOT NULL,
        pinned_by {text} NOT NULL,
        PRIMARY KEY (node, seq)
    )
    """,
    """
    CREATE TABLE retention (
        space {text} NOT NULL PRIMARY KEY,
        versions {text},
        trash_days BIGINT
    )
    """,
    "CREATE TABLE purge (node {text} NOT NULL PRIMARY KEY, space {text} NOT NULL)",
    "CREATE INDEX trash_since ON trash (trashed_ms)",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the column, the tables and the index."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    for statement in STATEMENTS:
        db.execute_sql(statement.format(text=text))
