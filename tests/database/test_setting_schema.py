"""Databases from before the past of settings was kept come forward; what was set then is what undo finds."""

from cloudconnect.database import open_database
from cloudconnect.database.connection import Connection
from cloudconnect.database.engines import FILE_NAME
from cloudconnect.database.snapshot import settle_restored, write_snapshot
from cloudconnect.features.files.models import Setting, SettingKind
from cloudconnect.features.files.store import settings
from cloudconnect.storage.catalog import LEFT_OUT
from tests.database.test_trash_schema import fill, said, write

BEFORE = "0023_signed_marks"
QUOTA = Setting("n1", SettingKind.QUOTA)


def change(database, space, setting, before, after, seq):
    connection = Connection(database._writer_engine)
    with database._writer_engine.atomic():
        settings.keep(connection, space, setting, before, after, seq)
    database._writer_engine.close()


def test_what_was_set_before_is_the_first_spell_of_its_past(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    fill(database)
    database.migrate(BEFORE)
    write(database, "UPDATE space SET quota_bytes = 5")
    database.migrate()
    assert set(said(database)[0].values()) == {2}
    change(database, "spc_stays", QUOTA, "5", "7", 9)
    change(database, "spc_stays", QUOTA, "7", None, 11)
    rows = database.read_now(lambda sql: settings.find_touched(sql, "spc_stays", 9, 9))
    database.close()
    assert [(each.value, each.from_seq, each.to_seq) for each in rows] == [("5", 0, 9), ("7", 9, 11)]


def test_the_past_of_a_lost_space_is_lost(tmp_path):
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    database = open_database("sqlite:", tmp_path / "before")
    fill(database)
    database.migrate()
    for space in ("spc_stays", "spc_lost"):
        change(database, space, Setting(f"root_of_{space}", SettingKind.NAME), '"One"', '"Two"', 9)
    catalog = tmp_path / "after" / FILE_NAME
    write_snapshot(database, catalog, without=LEFT_OUT)
    database.close()
    settle_restored(catalog, ["spc_stays"])
    restored = open_database("sqlite:", tmp_path / "after")
    restored.migrate()
    assert {space for (space,) in restored.read_now(lambda sql: sql.rows("SELECT space FROM setting"))} == {"spc_stays"}
    restored.close()
