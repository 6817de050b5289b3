"""A log and a tree from before there was undo come forward, and can be undone."""

from cloudconnect.database import open_database
from cloudconnect.database.connection import Connection

BEFORE = "0010_backup_places"


def test_facts_of_an_older_release_stand_alone_and_are_kept(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    database.migrate(BEFORE)
    writer = Connection(database._writer_engine)
    with database._writer_engine.atomic():
        writer.execute_many(
            "INSERT INTO event (position, space, seq, id, kind, actor, session, subject, payload, hlc, region)"
            " VALUES (?, 'spc_a', ?, ?, 'files.folder-added', 'usr_a', '', ?, '{}', ?, 'local')",
            [(seq, seq, f"local-{seq}", f"nod_{seq}", seq << 16) for seq in range(1, 4)],
        )
        writer.execute_many(
            "INSERT INTO entry (node, from_seq, to_seq, space, parent, name, version, modified_ns)"
            " VALUES (?, ?, ?, 'spc_a', 'nod_root', ?, NULL, 0)",
            [("nod_2", 2, 3, "a"), ("nod_2", 3, None, "b")],
        )

    database.migrate()

    def ask(sql):
        return (
            sql.rows("SELECT seq, COALESCE(unit, position) FROM event ORDER BY seq"),
            sql.rows("SELECT node, from_seq FROM entry WHERE space = 'spc_a' AND from_seq > 1 ORDER BY from_seq"),
            sql.rows("SELECT name FROM snapshot"),
        )

    facts, entries, snapshots = database.read_now(ask)
    database.close()
    assert [tuple(each) for each in facts] == [(1, 1), (2, 2), (3, 3)]
    assert [tuple(each) for each in entries] == [("nod_2", 2), ("nod_2", 3)]
    assert snapshots == []
