"""The brake: what sessions removed and overwrote in the last minute, whom it stopped, and what was announced.

``brake_changes`` of a space is how many such changes one session may make in a minute; null is the default, 0 is off.
"""

STATEMENTS = (
    "ALTER TABLE space ADD COLUMN brake_changes BIGINT",
    """
    CREATE TABLE brake (
        id {text} NOT NULL PRIMARY KEY,
        space {text} NOT NULL,
        session {text} NOT NULL,
        actor {text} NOT NULL,
        actor_name {text} NOT NULL,
        reason {text} NOT NULL,
        changes BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        pulled_ms BIGINT NOT NULL,
        lifted_ms BIGINT,
        lifted_by {text}
    )
    """,
    "CREATE INDEX brake_session ON brake (space, session)",
    """
    CREATE TABLE brake_window (
        space {text} NOT NULL,
        session {text} NOT NULL,
        second BIGINT NOT NULL,
        changes BIGINT NOT NULL,
        PRIMARY KEY (space, session, second)
    )
    """,
    """
    CREATE TABLE brake_sign (
        space {text} NOT NULL,
        session {text} NOT NULL,
        node {text} NOT NULL,
        kind {text} NOT NULL,
        second BIGINT NOT NULL,
        PRIMARY KEY (space, session, node, kind)
    )
    """,
    """
    CREATE TABLE brake_expectation (
        space {text} NOT NULL,
        session {text} NOT NULL,
        changes BIGINT NOT NULL,
        until_ms BIGINT NOT NULL,
        PRIMARY KEY (space, session)
    )
    """,
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the column and the tables."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    for statement in STATEMENTS:
        db.execute_sql(statement.format(text=text))
