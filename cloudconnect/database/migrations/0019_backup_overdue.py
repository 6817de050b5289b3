"""Overdue backups: since when a place has its schedule, and when it was told that no backup came for too long."""

COLUMNS = ("scheduled_ms", "overdue_ms")


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the columns; a schedule that is there counts from the last backup, or from when its place was added."""
    del migrator
    for name in COLUMNS:
        db.execute_sql(f"ALTER TABLE backup_place ADD COLUMN {name} BIGINT")
    db.execute_sql("UPDATE backup_place SET scheduled_ms = created_ms WHERE every_hours IS NOT NULL")
