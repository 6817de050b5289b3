"""What people say about files: tags, the fields a space has for them, favourites, and BLAKE3 where it was asked for.

A tag is true from ``from_seq`` until ``to_seq``, as an entry is. ``number`` is what it counts as in comparisons: the
number itself, or the day of a date counted from 0001-01-01. ``choices`` is JSON text.
"""

STATEMENTS = (
    """
    CREATE TABLE tag (
        node {text} NOT NULL,
        name {text} NOT NULL,
        from_seq BIGINT NOT NULL,
        to_seq BIGINT,
        space {text} NOT NULL,
        kind {text} NOT NULL,
        value {text} NOT NULL,
        number DOUBLE PRECISION,
        PRIMARY KEY (node, name, from_seq)
    ) {clustered}
    """,
    "CREATE INDEX tag_present ON tag (space, name) WHERE to_seq IS NULL",
    """
    CREATE TABLE field (
        space {text} NOT NULL,
        name {text} NOT NULL,
        kind {text} NOT NULL,
        choices {text} NOT NULL,
        PRIMARY KEY (space, name)
    )
    """,
    """
    CREATE TABLE favourite (
        account {text} NOT NULL,
        node {text} NOT NULL,
        space {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        PRIMARY KEY (account, node)
    ) {clustered}
    """,
    "CREATE INDEX favourite_node ON favourite (node)",
    "ALTER TABLE version ADD COLUMN blake3 {blob}",
)

SQLITE = {"text": "TEXT", "blob": "BLOB", "clustered": "WITHOUT ROWID"}
POSTGRESQL = {"text": 'TEXT COLLATE "C"', "blob": "BYTEA", "clustered": ""}


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the tables."""
    names = SQLITE if type(migrator).__name__.startswith("Sqlite") else POSTGRESQL
    for statement in STATEMENTS:
        db.execute_sql(statement.format(**names))
