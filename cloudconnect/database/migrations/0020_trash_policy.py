"""What the trash may hold, in words, and what of it was given up lately to free the disk, which gc does later."""

STATEMENTS = (
    "ALTER TABLE retention ADD COLUMN trash {text}",
    "CREATE TABLE trash_given (given_ms BIGINT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL)",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the column and the table."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    for statement in STATEMENTS:
        db.execute_sql(statement.format(text=text))
