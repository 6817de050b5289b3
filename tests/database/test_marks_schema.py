"""A database from before marks were signed keeps its places, none of which is known to be signed."""

from cloudconnect.database import open_database
from cloudconnect.database.connection import Connection
from cloudconnect.features.backup import store


def test_a_database_of_the_release_before_keeps_its_places(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    database.migrate("0019_backup_overdue")
    with database._writer_engine.atomic():
        Connection(database._writer_engine).execute(
            "INSERT INTO backup_place (name, kind, parameters, created_ms, every_hours, scheduled_ms)"
            " VALUES ('disk', 'local', '{\"directory\": \"/mnt\"}', 1000, 24, 2000)"
        )
    database._writer_engine.close()

    database.migrate()

    (place,) = database.read_now(store.find_places)
    assert (place.name, place.every_hours, place.signed) == ("disk", 24, None)
    assert place.scheduled is not None
    database.close()
