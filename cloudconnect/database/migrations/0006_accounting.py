"""What a space uses and may use, and a way from a folder to what was removed from it.

``used_bytes`` is charged in the transaction that writes a version: the plain bytes of every file in its latest version,
in the tree or in the trash. ``quota_bytes`` is null where there is no limit.
"""

STATEMENTS = (
    "ALTER TABLE space ADD COLUMN used_bytes BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE space ADD COLUMN quota_bytes BIGINT",
    "CREATE INDEX trash_parent ON trash (parent)",
    """
    UPDATE space SET used_bytes = held.total FROM (
        SELECT e.space, SUM(v.size) AS total
        FROM entry e JOIN version v ON v.node = e.node AND v.seq = e.version
        WHERE e.to_seq IS NULL
        OR EXISTS (SELECT 1 FROM trash t WHERE t.node = e.node AND t.trashed_seq = e.to_seq)
        GROUP BY e.space
    ) AS held WHERE held.space = space.id
    """,
)


def up(migrator, db):  # type: ignore[no-untyped-def]
    """Add the columns and fill them from the tree."""
    del migrator
    for statement in STATEMENTS:
        db.execute_sql(statement)
