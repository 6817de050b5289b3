"""Uploads in progress: what each is to become, how far it has come, and the chunks that hold what has arrived.

``wanted`` (the condition) and ``parts`` are JSON text. Of an upload's rows in ``upload_chunk`` the first ``chunks`` are
whole chunks, those behind them stand for the one that cannot be cut yet. ``chunk`` is the key by which the engine knows
a chunk: the first half of its content id.
"""

STATEMENTS = (
    """
    CREATE TABLE upload (
        id {text} NOT NULL PRIMARY KEY,
        kind {text} NOT NULL,
        state {text} NOT NULL,
        principal {text} NOT NULL,
        space {text} NOT NULL,
        path {text} NOT NULL,
        wanted {text} NOT NULL,
        parents BIGINT NOT NULL,
        modified_ns BIGINT,
        media_type {text},
        metadata {text} NOT NULL,
        length BIGINT,
        received BIGINT NOT NULL,
        chunks BIGINT NOT NULL,
        stored_bytes BIGINT NOT NULL,
        reused_bytes BIGINT NOT NULL,
        parts {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL,
        node {text},
        version BIGINT
    )
    """,
    "CREATE INDEX upload_principal ON upload (principal, id)",
    "CREATE INDEX upload_space ON upload (space)",
    "CREATE INDEX upload_expires ON upload (expires_ms)",
    """
    CREATE TABLE upload_chunk (
        upload {text} NOT NULL,
        place BIGINT NOT NULL,
        chunk {blob} NOT NULL,
        content_id {blob} NOT NULL,
        size BIGINT NOT NULL,
        PRIMARY KEY (upload, place)
    ) {clustered}
    """,
    "CREATE INDEX upload_chunk_held ON upload_chunk (chunk)",
)

SQLITE = {"text": "TEXT", "blob": "BLOB", "clustered": "WITHOUT ROWID"}
POSTGRESQL = {"text": 'TEXT COLLATE "C"', "blob": "BYTEA", "clustered": ""}


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the tables."""
    types = SQLITE if type(migrator).__name__.startswith("Sqlite") else POSTGRESQL
    for statement in STATEMENTS:
        db.execute_sql(statement.format(**types))
