"""Uploads that take long to become files: for whom, so that a restart does not end it."""

STATEMENT = "CREATE TABLE upload_finishing (upload TEXT PRIMARY KEY, space TEXT NOT NULL, acting TEXT NOT NULL)"


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the table."""
    del migrator
    db.execute_sql(STATEMENT)
