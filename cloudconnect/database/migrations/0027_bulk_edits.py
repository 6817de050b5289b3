"""Edits in bulk that are under way: what each was planned to do and has not done yet."""

STATEMENTS = (
    """
    CREATE TABLE bulk_edit (
        id TEXT PRIMARY KEY,
        space TEXT NOT NULL,
        edit TEXT NOT NULL,
        items INTEGER NOT NULL,
        done INTEGER NOT NULL,
        passed_over INTEGER NOT NULL,
        spans TEXT NOT NULL,
        created_ms BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE bulk_portion (
        edit TEXT NOT NULL,
        number INTEGER NOT NULL,
        space TEXT NOT NULL,
        items TEXT NOT NULL,
        PRIMARY KEY (edit, number)
    )
    """,
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the tables."""
    del migrator
    for statement in STATEMENTS:
        db.execute_sql(statement)
