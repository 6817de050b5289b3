"""Catalogs and databases from before the trash had a policy in words come forward with all that people said."""

from cloudconnect.database import open_database
from cloudconnect.database.connection import Connection
from cloudconnect.database.engines import FILE_NAME
from cloudconnect.database.snapshot import check_snapshot, settle_restored, write_snapshot
from cloudconnect.features.files.models import Retention
from cloudconnect.features.files.store import tags, versions, yielding
from cloudconnect.storage.catalog import LEFT_OUT

BEFORE = "0019_backup_overdue"
SAID = {
    "tag": "('nod_1', 'state', 3, NULL, '{space}', 'text', 'paid', NULL)",
    "field": "('{space}', 'state', 'choice', '[\"open\", \"paid\"]')",
    "favourite": "('usr_1', '{node}', '{space}', 5)",
    "snapshot": "('{space}', 'release', 2, 5, 'ada')",
}


def write(database, *statements):
    connection = Connection(database._writer_engine)
    with database._writer_engine.atomic():
        for statement in statements:
            connection.execute(statement)
    database._writer_engine.close()


def fill(database):
    """Say everything that can be said, in a space that stays and in one whose keys are destroyed later."""
    database.migrate(BEFORE)
    for number, space in enumerate(("spc_stays", "spc_lost"), 1):
        node = f"nod_{number}"
        write(
            database,
            "INSERT INTO space (id, name, kind, owner, root, created_ms)"
            f" VALUES ('{space}', 'a', 'personal', 'u{number}', 'n{number}', 0)",
            f"INSERT INTO entry (node, from_seq, to_seq, space, parent, name, version, modified_ns)"
            f" VALUES ('{node}', 2, NULL, '{space}', 'n{number}', 'a', 2, 0)",
            *(
                f"INSERT INTO {table} VALUES {row.format(space=space, node=node).replace('nod_1', node)}"
                for table, row in SAID.items()
            ),
            f"INSERT INTO version_pin (node, seq, note, pinned_ms, pinned_by) VALUES ('{node}', 2, 'signed', 5, 'ada')",
            f"INSERT INTO retention (space, versions, trash_days) VALUES ('{space}', 'keep all 9d', 7)",
        )


def said(database):
    def ask(sql):
        counts = {table: sql.row(f"SELECT COUNT(*) FROM {table}")[0] for table in (*SAID, "version_pin", "retention")}
        found = tags.find_tags(sql, ["nod_1"], None)["nod_1"]
        return counts, [each.value.text for each in found], versions.get_retention(sql, "spc_stays")

    return database.read_now(ask)


def test_a_database_of_the_release_before_keeps_what_was_said(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    fill(database)
    database.migrate()
    counts, values, retention = said(database)
    touched = database.read_now(lambda sql: tags.find_touched(sql, "spc_stays", 3, 3))
    given = database.read_now(lambda sql: yielding.find_given(sql, 0))
    database.close()
    assert (set(counts.values()), values, retention) == ({2}, ["paid"], Retention("keep all 9d", 7, None))
    assert ([each.from_seq for each in touched], given) == ([3], 0)


def test_a_catalog_of_the_release_before_gives_back_what_was_said(tmp_path):
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    database = open_database("sqlite:", tmp_path / "before")
    fill(database)
    catalog = tmp_path / "after" / FILE_NAME
    write_snapshot(database, catalog, without=LEFT_OUT)
    database.close()

    check_snapshot(catalog)
    settle_restored(catalog, ["spc_stays"])
    restored = open_database("sqlite:", tmp_path / "after")
    restored.migrate()

    counts, values, retention = said(restored)
    restored.close()
    assert set(counts.values()) == {1}
    assert (values, retention) == (["paid"], Retention("keep all 9d", 7, None))


def test_a_catalog_from_before_anything_could_be_said_is_settled_too(tmp_path):
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    database = open_database("sqlite:", tmp_path / "before")
    database.migrate("0010_backup_places")
    catalog = tmp_path / "after" / FILE_NAME
    write_snapshot(database, catalog, without=LEFT_OUT)
    database.close()
    settle_restored(catalog, ["spc_stays"])
    restored = open_database("sqlite:", tmp_path / "after")
    restored.migrate()
    assert restored.read_now(lambda sql: sql.rows("SELECT * FROM tag")) == []
    restored.close()
