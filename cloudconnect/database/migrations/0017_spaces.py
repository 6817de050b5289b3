"""Spaces can be archived, and found by their name."""

STATEMENTS = (
    "ALTER TABLE space ADD COLUMN archived_ms BIGINT",
    "CREATE INDEX space_name ON space (name)",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the column and the index."""
    del migrator
    for statement in STATEMENTS:
        db.execute_sql(statement)
