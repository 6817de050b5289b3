"""A database from before uploads could be continued takes them in, and keeps what it held."""

from datetime import UTC, datetime, timedelta

from cloudconnect.database import open_database
from cloudconnect.database.connection import Connection
from cloudconnect.features.files.models import Condition, Upload, UploadKind, UploadPlan, UploadState
from cloudconnect.features.files.store import uploads
from cloudconnect.kernel.ids import SpaceId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = UploadPlan(
    path="/f",
    modified_ns=-5,
    media_type="text/plain",
    condition=Condition(if_match=frozenset({"a", "b"})),
    parents=True,
    metadata="path L2Y=",
)
UPLOAD = Upload(
    id="upl_1",
    kind=UploadKind.WHOLE,
    state=UploadState.OPEN,
    principal="usr_1",
    space=SpaceId("spc_1"),
    plan=PLAN,
    length=5 << 40,
    received=0,
    created=NOW,
    expires=NOW + timedelta(days=1),
)


def write(database, *works):
    connection = Connection(database._writer_engine)
    with database._writer_engine.atomic():
        for work in works:
            work(connection)
    database._writer_engine.close()


def test_a_database_of_the_release_before_takes_uploads_in(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    database.migrate("0010_backup_places")
    statement = (
        "INSERT INTO space (id, name, kind, owner, root, created_ms) VALUES ('spc_1', 'a', 'personal', 'u', 'n', 0)"
    )
    write(database, lambda sql: sql.execute(statement))

    database.migrate()
    write(
        database,
        lambda sql: uploads.add(sql, UPLOAD),
        lambda sql: uploads.extend(sql, UPLOAD, [(bytes(range(32)), 7)], [(bytes(32), 3)]),
    )

    assert database.read_now(lambda sql: uploads.find(sql, "upl_1", "usr_1", NOW)) == UPLOAD
    assert database.read_now(lambda sql: uploads.find_chunks(sql, "upl_1")) == [(bytes(range(32)), 7), (bytes(32), 3)]
    assert database.read_now(lambda sql: sql.rows("SELECT id FROM space")) == [("spc_1",)]
    database.close()
