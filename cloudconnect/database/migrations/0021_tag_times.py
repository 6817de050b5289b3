"""Indexes of tags by when they began and ended, by which undoing finds those that a change touched."""

STATEMENTS = (
    "CREATE INDEX tag_from ON tag (space, from_seq)",
    "CREATE INDEX tag_to ON tag (space, to_seq) WHERE to_seq IS NOT NULL",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the indexes."""
    del migrator
    for statement in STATEMENTS:
        db.execute_sql(statement)
