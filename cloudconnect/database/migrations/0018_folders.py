"""An index of the folders that are there now: a page lists them before the files, however many files there are."""

STATEMENT = "CREATE INDEX entry_folders ON entry (parent, name) WHERE to_seq IS NULL AND version IS NULL"


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the index."""
    del migrator
    db.execute_sql(STATEMENT)
