"""A daemon that cannot serve a data directory says why in a sentence, and leaves what is there alone."""

import shutil
import sqlite3

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def earlier(new_appliance, tmp_path_factory):
    """Return an appliance that has run before."""
    appliance = new_appliance(tmp_path_factory.mktemp("earlier"))
    appliance.start()
    appliance.stop()
    return appliance


@pytest.fixture
def used(earlier, appliance):
    """Return a copy of it, to do things to."""
    shutil.copytree(earlier.home, appliance.home, ignore=shutil.ignore_patterns("*.sock"))
    shutil.copy(earlier.place / "key", appliance.place)
    return appliance


def assert_refused(appliance, code, *words, **environment):
    done = appliance.run("serve", environment=environment)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("Error: "), done.stderr
    assert "Traceback" not in done.stderr
    assert "Unexpected" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def change(path, statement):
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(statement)
    database.close()


def test_a_keyring_of_a_newer_release(used):
    change(used.home / "keyring.db", "PRAGMA user_version = 99")
    assert_refused(used, 9, "format 99")


@pytest.mark.parametrize(("file", "code"), [("cloudconnect.db", 9), ("keyring.db", 7)])
def test_a_database_that_was_cut_off(used, file, code):
    cut = (used.home / file).read_bytes()[:66]
    (used.home / file).write_bytes(cut)
    assert_refused(used, code, "backup")
    assert (used.home / file).read_bytes() == cut


def test_a_damaged_page_in_the_middle(used):
    path = used.home / "cloudconnect.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    assert_refused(used, 9, "backup")


def test_a_data_directory_that_is_a_file(appliance):
    appliance.home.touch()
    done = appliance.run("up")
    assert done.returncode in {9, 10}
    assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize(
    ("content", "word"), [(b'[server]\nlistne = "x"', "server.listen"), (b"\xff\0", "UTF-8"), (b"server = 1", "server")]
)
def test_a_configuration_that_makes_no_sense_names_the_file_and_the_place(used, content, word):
    config = used.place / "other.toml"
    config.write_bytes(content)
    assert_refused(used, 2, word, "other.toml", CLOUDCONNECT_CONFIG=str(config))


def test_a_missing_key_file(used):
    (used.place / "key").unlink()
    assert_refused(used, 12, "key file")


def test_a_second_daemon_names_the_first(appliance):
    appliance.start()
    assert_refused(appliance, 11, str(appliance.process.pid))
    assert appliance.run("ls").returncode == 0
