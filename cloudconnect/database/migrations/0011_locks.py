"""Locks, what clients keep beside an entry, and when anything below a folder changed last.

A lock is an advisory one: it says who means to write until when. ``owner`` is a principal's id, ``description`` what
the client says of itself. A property's value is text that only clients read. ``folder_state`` has the last seq at which
something below a folder changed; a folder without a row has seen nothing since it got its own.
"""

STATEMENTS = (
    """
    CREATE TABLE node_lock (
        id {text} NOT NULL PRIMARY KEY,
        token {text} NOT NULL UNIQUE,
        space {text} NOT NULL,
        node {text} NOT NULL,
        owner {text} NOT NULL,
        owner_name {text} NOT NULL,
        description {text} NOT NULL,
        is_shared BIGINT NOT NULL,
        is_deep BIGINT NOT NULL,
        created_ms BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL
    )
    """,
    "CREATE INDEX node_lock_node ON node_lock (node)",
    "CREATE INDEX node_lock_space ON node_lock (space)",
    "CREATE INDEX node_lock_expires ON node_lock (expires_ms)",
    """
    CREATE TABLE node_property (
        node {text} NOT NULL,
        name {text} NOT NULL,
        value {text} NOT NULL,
        PRIMARY KEY (node, name)
    )
    """,
    """
    CREATE TABLE folder_state (
        node {text} NOT NULL PRIMARY KEY,
        seq BIGINT NOT NULL
    )
    """,
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the tables."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    for statement in STATEMENTS:
        db.execute_sql(statement.format(text=text))
