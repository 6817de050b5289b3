"""The past as something to act on: which facts one change made, what changed when, and named snapshots.

``event.unit`` is the position of the first fact of the same change; facts from before this release stand alone. The
indexes answer what changed in a space between two moments, in the order of time. They are on an expression, so that
only who asks for ``space || ''`` gets them: SQLite would else prefer them to the primary key and read a whole space for
a few nodes of it.
"""

STATEMENTS = (
    "ALTER TABLE event ADD COLUMN unit BIGINT",
    "CREATE INDEX entry_begins ON entry ((space || ''), from_seq, node)",
    "CREATE INDEX entry_ends ON entry ((space || ''), to_seq, node) WHERE to_seq IS NOT NULL",
    """
    CREATE TABLE snapshot (
        space {text} NOT NULL,
        name {text} NOT NULL,
        seq BIGINT NOT NULL,
        created_ms BIGINT NOT NULL,
        created_by {text} NOT NULL,
        PRIMARY KEY (space, name)
    )
    """,
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the column, the indexes and the table."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    for statement in STATEMENTS:
        db.execute_sql(statement.format(text=text))
