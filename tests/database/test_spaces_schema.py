"""A database from before spaces could be archived comes forward with its spaces as they were."""

from cloudconnect.database import open_database
from cloudconnect.database.connection import Connection
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.ids import SpaceId


def test_a_space_of_the_release_before_is_in_use_and_found_by_its_name(database_url, tmp_path):
    database = open_database(database_url, tmp_path)
    database.migrate("0016_metadata")
    connection = Connection(database._writer_engine)
    with database._writer_engine.atomic():
        connection.execute(
            "INSERT INTO space (id, name, kind, owner, root, created_ms) VALUES (?, ?, ?, ?, ?, ?)",
            ("spc_1", "ada", "personal", "usr_1", "nod_1", 5),
        )

    database.migrate()
    (found,) = spaces.find_named(connection, "ada")
    assert (found.id, found.archived) == ("spc_1", None)
    spaces.set_archived(connection, SpaceId("spc_1"), 1_000)
    assert spaces.find_space(connection, SpaceId("spc_1")).archived.timestamp() == 1
    database._writer_engine.close()
