"""Backends that were added to the one that the settings name, which is always called main.

``parameters`` is JSON text, without secrets: those lie in files. New packs go to the backend that the row of
``backend_target`` names, to main where there is no such row.
"""

STATEMENTS = (
    """
    CREATE TABLE backend (
        name {text} NOT NULL PRIMARY KEY,
        kind {text} NOT NULL,
        parameters {text} NOT NULL,
        created_ms BIGINT NOT NULL
    )
    """,
    "CREATE TABLE backend_target (place INTEGER NOT NULL PRIMARY KEY CHECK (place = 1), name {text} NOT NULL)",
    "CREATE INDEX pack_backend ON pack (backend, number)",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the tables."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    for statement in STATEMENTS:
        db.execute_sql(statement.format(text=text))
