"""The schema goes forward, and what is in the tables stays."""

from importlib import resources

import pytest

from cloudconnect.database import AlreadyRunning, HomeLock, HomeNotWritable, open_database
from cloudconnect.database.connection import Connection
from cloudconnect.database.errors import DatabaseCorrupt
from cloudconnect.features.files.store import locks, states
from cloudconnect.kernel.errors import Unavailable
from cloudconnect.kernel.ids import NodeId

MIGRATIONS = sorted(resources.files("cloudconnect.database").joinpath("migrations").glob("0*.py"))
NEWEST = MIGRATIONS[-1].name[:4]
CONTENT = bytes(range(32))


async def test_a_second_start_finds_the_schema_and_every_fact(ledger, database_url, tmp_path):
    await ledger.add()
    again = open_database(database_url, tmp_path)

    again.migrate()

    assert again.schema_version() == ledger.database.schema_version() == NEWEST
    assert again.read_now(lambda sql: sql.rows("SELECT position, kind FROM event")) == [(1, "files.folder-added")]
    again.close()


async def test_the_database_says_which_engine_it_is(ledger, database_url):
    assert database_url.startswith(ledger.database.name)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "cloudconnect.db").write_bytes(b"this is not a database" * 200)
    database = open_database("sqlite:", tmp_path)

    with pytest.raises(DatabaseCorrupt):
        database.migrate()
    database.close()


def test_a_server_that_is_not_there_is_refused(tmp_path):
    pytest.importorskip("psycopg")
    database = open_database("postgresql://nobody@127.0.0.1:1/none", tmp_path)

    with pytest.raises(Unavailable):
        database.migrate()
    with pytest.raises(Unavailable):
        database.read_now(lambda sql: sql.row("SELECT 1"))
    database.close()


def test_a_second_daemon_on_the_same_data_is_refused_and_told_who_holds_them(tmp_path):
    first = HomeLock(tmp_path)

    with pytest.raises(AlreadyRunning, match=r"Process \d+ serves"):
        HomeLock(tmp_path)

    first.release()
    HomeLock(tmp_path).release()


def test_a_data_directory_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(HomeNotWritable, match="cannot be written"):
        HomeLock(tmp_path / "nowhere")


def test_versions_of_the_first_release_come_forward_with_the_key_of_their_content(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    database.migrate("0001_foundation")
    versions = [
        ("nod_a", b"\x01" + CONTENT + bytes(8), CONTENT[:16]),
        ("nod_b", b"\x02\x00" + CONTENT + bytes(8), CONTENT[:16]),
        ("nod_c", b"\x00", None),
    ]
    writer = Connection(database._writer_engine)
    with database._writer_engine.atomic():
        writer.execute_many(
            "INSERT INTO version (node, seq, size, sha256, media_type, manifest, author, created_ms)"
            " VALUES (?, 1, 0, ?, '', ?, '', 0)",
            [(node, b"", manifest) for node, manifest, _ in versions],
        )

    database.migrate()

    found = database.read_now(lambda sql: sql.rows("SELECT node, content FROM version ORDER BY node"))
    assert found == [(node, key) for node, _, key in versions]
    database.close()


def test_trees_from_before_there_were_locks_are_changed_and_looked_at_as_before(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    database.migrate("0010_backup_places")
    database.fill(
        lambda sql: sql.execute_many(
            "INSERT INTO entry (node, from_seq, to_seq, space, parent, name, version, modified_ns)"
            " VALUES (?, ?, NULL, 'spc_a', ?, ?, NULL, 0)",
            [("nod_root", 1, None, ""), ("nod_a", 2, "nod_root", "a"), ("nod_b", 3, "nod_a", "b")],
        )
    )

    database.migrate()

    nodes = [NodeId("nod_root"), NodeId("nod_a"), NodeId("nod_b")]
    assert database.read_now(lambda sql: states.find_states(sql, nodes)) == {}
    database.fill(lambda sql: states.touch(sql, [(NodeId("nod_a"), 4)]))
    assert database.read_now(lambda sql: states.find_states(sql, nodes)) == {"nod_root": 4, "nod_a": 4}
    assert database.read_now(lambda sql: locks.find_covering(sql, nodes, 0)) == []
    database.close()


def test_versions_come_forward_without_a_hash_that_nobody_asked_for(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    database.migrate("0010_backup_places")
    writer = Connection(database._writer_engine)
    with database._writer_engine.atomic():
        writer.execute(
            "INSERT INTO version (node, seq, size, sha256, media_type, manifest, content, author, created_ms)"
            " VALUES ('nod_a', 1, 3, ?, 'text/plain', ?, ?, 'usr_a', 0)",
            (CONTENT, CONTENT, CONTENT[:16]),
        )

    database.migrate()

    found = database.read_now(lambda sql: sql.rows("SELECT node, size, content, blake3 FROM version"))
    assert found == [("nod_a", 3, CONTENT[:16], None)]
    assert database.read_now(lambda sql: sql.rows("SELECT * FROM tag")) == []
    database.close()
