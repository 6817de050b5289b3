"""The first schema: log, chunk index, accounts, sessions, tokens, grants, spaces and the temporal tree.

Times are milliseconds since 1970 unless the name says otherwise; ids are text with a prefix. ``{blob}`` and ``{text}``
stand for the engine's own type of bytes and of text that sorts by code point.
"""

TABLES = (
    # The log.
    """
    CREATE TABLE event (
        position BIGINT NOT NULL PRIMARY KEY,
        space {text},
        seq BIGINT,
        id {text} NOT NULL,
        kind {text} NOT NULL,
        actor {text} NOT NULL,
        session {text} NOT NULL,
        subject {text} NOT NULL,
        payload {text} NOT NULL,
        hlc BIGINT NOT NULL,
        region {text} NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX event_space_seq ON event (space, seq) WHERE space IS NOT NULL",
    "CREATE INDEX event_space_hlc ON event (space, hlc) WHERE space IS NOT NULL",
    "CREATE TABLE space_log (space {text} NOT NULL PRIMARY KEY, seq BIGINT NOT NULL)",
    "CREATE TABLE bookmark (listener {text} NOT NULL PRIMARY KEY, position BIGINT NOT NULL)",
    """
    CREATE TABLE parked (
        listener {text} NOT NULL,
        position BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        error {text} NOT NULL,
        parked_ms BIGINT NOT NULL,
        PRIMARY KEY (listener, position)
    )
    """,
    """
    CREATE TABLE job (
        name {text} NOT NULL PRIMARY KEY,
        started_ms BIGINT,
        finished_ms BIGINT,
        outcome {text}
    )
    """,
    # The chunk index. A key comes from the key of one space, so it belongs to that space's domain without saying so.
    """
    CREATE TABLE pack (
        number {identity},
        id {blob} NOT NULL UNIQUE,
        domain {blob} NOT NULL,
        size BIGINT NOT NULL,
        state {text} NOT NULL
    )
    """,
    """
    CREATE TABLE chunk (
        key {blob} NOT NULL,
        pack BIGINT NOT NULL,
        position BIGINT NOT NULL,
        length BIGINT NOT NULL,
        raw_length BIGINT NOT NULL,
        PRIMARY KEY (key)
    ) {clustered}
    """,
    # auth
    """
    CREATE TABLE account (
        id {text} NOT NULL PRIMARY KEY,
        name {text} NOT NULL UNIQUE,
        display_name {text} NOT NULL,
        password {text},
        is_admin BIGINT NOT NULL,
        created_ms BIGINT NOT NULL,
        disabled_ms BIGINT
    )
    """,
    """
    CREATE TABLE sign_in_link (
        hash {blob} NOT NULL PRIMARY KEY,
        account {text} NOT NULL,
        expires_ms BIGINT NOT NULL
    )
    """,
    # sessions
    """
    CREATE TABLE session (
        id {text} NOT NULL PRIMARY KEY,
        hash {blob} NOT NULL UNIQUE,
        account {text} NOT NULL,
        method {text} NOT NULL,
        user_agent {text} NOT NULL,
        address {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        seen_ms BIGINT NOT NULL,
        proved_ms BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL,
        revoked_ms BIGINT
    )
    """,
    "CREATE INDEX session_account ON session (account)",
    # developer
    """
    CREATE TABLE token (
        id {text} NOT NULL PRIMARY KEY,
        hash {blob} NOT NULL UNIQUE,
        account {text} NOT NULL,
        name {text} NOT NULL,
        scopes {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        expires_ms BIGINT,
        used_ms BIGINT,
        used_address {text} NOT NULL,
        revoked_ms BIGINT
    )
    """,
    "CREATE INDEX token_account ON token (account)",
    # access
    """
    CREATE TABLE access_grant (
        id {text} NOT NULL PRIMARY KEY,
        principal {text} NOT NULL,
        space {text} NOT NULL,
        node {text} NOT NULL,
        role {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        expires_ms BIGINT
    )
    """,
    "CREATE INDEX access_grant_principal ON access_grant (principal, space)",
    # gateway
    """
    CREATE TABLE idempotency (
        principal {text} NOT NULL,
        key {text} NOT NULL,
        fingerprint {blob} NOT NULL,
        status BIGINT NOT NULL,
        headers {text} NOT NULL,
        body {blob} NOT NULL,
        created_ms BIGINT NOT NULL,
        PRIMARY KEY (principal, key)
    )
    """,
    "CREATE INDEX idempotency_created ON idempotency (created_ms)",
    # files
    """
    CREATE TABLE space (
        id {text} NOT NULL PRIMARY KEY,
        name {text} NOT NULL,
        kind {text} NOT NULL,
        owner {text} NOT NULL,
        root {text} NOT NULL,
        created_ms BIGINT NOT NULL
    )
    """,
    "CREATE INDEX space_owner ON space (owner)",
    """
    CREATE TABLE entry (
        node {text} NOT NULL,
        from_seq BIGINT NOT NULL,
        to_seq BIGINT,
        space {text} NOT NULL,
        parent {text},
        name {text} NOT NULL,
        version BIGINT,
        modified_ns BIGINT NOT NULL,
        PRIMARY KEY (node, from_seq)
    ) {clustered}
    """,
    "CREATE UNIQUE INDEX entry_present ON entry (parent, name) WHERE to_seq IS NULL",
    "CREATE INDEX entry_past ON entry (parent, name, from_seq) WHERE to_seq IS NOT NULL",
    """
    CREATE TABLE version (
        node {text} NOT NULL,
        seq BIGINT NOT NULL,
        size BIGINT NOT NULL,
        sha256 {blob} NOT NULL,
        media_type {text} NOT NULL,
        manifest {blob} NOT NULL,
        author {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        PRIMARY KEY (node, seq)
    ) {clustered}
    """,
    """
    CREATE TABLE trash (
        node {text} NOT NULL PRIMARY KEY,
        space {text} NOT NULL,
        parent {text} NOT NULL,
        name {text} NOT NULL,
        trashed_seq BIGINT NOT NULL,
        trashed_ms BIGINT NOT NULL,
        trashed_by {text} NOT NULL
    )
    """,
    "CREATE INDEX trash_space ON trash (space, trashed_seq)",
)

SQLITE = {
    "text": "TEXT",
    "blob": "BLOB",
    "identity": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "clustered": "WITHOUT ROWID",
}
POSTGRESQL = {
    "text": 'TEXT COLLATE "C"',
    "blob": "BYTEA",
    "identity": "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    "clustered": "",
}


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Create every table."""
    types = SQLITE if type(migrator).__name__.startswith("Sqlite") else POSTGRESQL
    for statement in TABLES:
        db.execute_sql(statement.format(**types))
