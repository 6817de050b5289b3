"""Signed marks: since when the mark of a place of backups is known to be signed; from then on no other is taken."""

STATEMENT = "ALTER TABLE backup_place ADD COLUMN signed_ms BIGINT"


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the column; the places that are known are signed at the next start."""
    del migrator
    db.execute_sql(STATEMENT)
