"""A damaged page of the database is found by the check at the start."""

import apsw
import pytest

from cloudconnect.database import open_database


@pytest.fixture
def database(tmp_path):
    made = open_database("sqlite:", tmp_path, readers=1)
    made.migrate()
    yield made
    made.close()


@pytest.mark.parametrize("is_full", [False, True])
async def test_a_whole_database_is_found_whole(database, is_full):
    assert database.checked == ""
    assert await database.check(is_full=is_full) == database.checked == "ok"


async def test_a_damaged_page_is_found(database, tmp_path):
    path = tmp_path / "cloudconnect.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'chunk'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    assert await database.check() not in {"", "ok"}
