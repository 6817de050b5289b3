"""Catalogs: the tree as of a position of the log, kept among the packs so that they alone can give it back.

``content`` names what the catalog was stored as, ``head`` the small content that says where to find it.
"""

STATEMENT = """
    CREATE TABLE catalog (
        position BIGINT NOT NULL PRIMARY KEY,
        manifest {blob} NOT NULL,
        content {blob} NOT NULL,
        head {blob} NOT NULL
    )
"""


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the table."""
    blob = "BLOB" if type(migrator).__name__.startswith("Sqlite") else "BYTEA"
    db.execute_sql(STATEMENT.format(blob=blob))
