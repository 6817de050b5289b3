"""Places of backups: where copies of the keyring lie, which are fed by the clock, and when one was last proved.

``parameters`` is JSON text, without secrets: those lie in files. A place that is a directory is named by its path.
``keep`` is JSON text, null where nothing is removed by the clock; ``every_hours`` is null where nothing is made by it.
"""

STATEMENT = """
    CREATE TABLE backup_place (
        name {text} NOT NULL PRIMARY KEY,
        kind {text} NOT NULL,
        parameters {text} NOT NULL,
        created_ms BIGINT NOT NULL,
        every_hours BIGINT,
        keep {text},
        backed_up_ms BIGINT,
        verified_ms BIGINT
    )
"""


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the table."""
    text = "TEXT" if type(migrator).__name__.startswith("Sqlite") else 'TEXT COLLATE "C"'
    db.execute_sql(STATEMENT.format(text=text))
