"""The life of stored data: which contents need a chunk, what gc and scrub found, and operations that outlive a restart.

``version.content`` is the key of the root of the version's manifest, null for an empty file; both kinds of manifest end
with the root's content id (32 bytes) and a size (8). The pieces of contents that were there before are filled in by the
first gc, which has to read their manifests.
"""

STATEMENTS = (
    "ALTER TABLE pack ADD COLUMN backend {text} NOT NULL DEFAULT 'main'",
    "CREATE INDEX chunk_pack ON chunk (pack, length)",
    """
    CREATE TABLE piece (
        chunk {blob} NOT NULL,
        content {blob} NOT NULL,
        PRIMARY KEY (chunk, content)
    ) {clustered}
    """,
    "CREATE INDEX piece_content ON piece (content)",
    "CREATE TABLE condemned (key {blob} NOT NULL PRIMARY KEY, since_ms BIGINT NOT NULL)",
    "CREATE TABLE damaged (key {blob} NOT NULL PRIMARY KEY, found_ms BIGINT NOT NULL)",
    "ALTER TABLE version ADD COLUMN content {blob}",
    "UPDATE version SET content = {root_key} WHERE length(manifest) > 1",
    "CREATE INDEX version_content ON version (content)",
    """
    CREATE TABLE operation (
        id {text} NOT NULL PRIMARY KEY,
        kind {text} NOT NULL,
        parameters {text} NOT NULL,
        state {text} NOT NULL,
        done BIGINT NOT NULL,
        total BIGINT NOT NULL,
        note {text} NOT NULL,
        checkpoint {text} NOT NULL,
        result {text} NOT NULL,
        error {text} NOT NULL,
        author {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        started_ms BIGINT,
        worked_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        finished_ms BIGINT
    )
    """,
    "CREATE INDEX operation_state ON operation (state)",
)

SQLITE = {
    "text": "TEXT",
    "blob": "BLOB",
    "clustered": "WITHOUT ROWID",
    "root_key": "substr(manifest, length(manifest) - 39, 16)",
}
POSTGRESQL = {
    "text": 'TEXT COLLATE "C"',
    "blob": "BYTEA",
    "clustered": "",
    "root_key": "substring(manifest FROM length(manifest) - 39 FOR 16)",
}


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the tables and columns, and fill the column of versions that are there."""
    types = SQLITE if type(migrator).__name__.startswith("Sqlite") else POSTGRESQL
    for statement in STATEMENTS:
        db.execute_sql(statement.format(**types))
