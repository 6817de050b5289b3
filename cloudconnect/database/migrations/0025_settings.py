"""The past of what is set for spaces, files and folders, by which undoing finds what it was before.

A setting has no row until it is changed: what holds then is written down as the first spell of its past.
"""

STATEMENTS = (
    """
    CREATE TABLE setting (
        space TEXT NOT NULL,
        subject TEXT NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        from_seq BIGINT NOT NULL,
        to_seq BIGINT,
        PRIMARY KEY (subject, kind, key, from_seq)
    )
    """,
    "CREATE INDEX setting_from ON setting (space, from_seq)",
    "CREATE INDEX setting_to ON setting (space, to_seq) WHERE to_seq IS NOT NULL",
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the table."""
    del migrator
    for statement in STATEMENTS:
        db.execute_sql(statement)
