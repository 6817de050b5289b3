"""Certificates of spaces whose keys were destroyed; ``document`` is JSON text, signed, as it is handed out."""

STATEMENT = """
    CREATE TABLE certificate (
        space {text} NOT NULL PRIMARY KEY,
        state {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        document {text} NOT NULL
    )
"""


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the table."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    db.execute_sql(STATEMENT.format(text=text))
