"""The stand-alone script against what disks and ill will do to a store."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from tests.cli.conftest import PASSWORD, Machine

DEPLOY = Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.slow


def recover(*arguments):
    return run("recover.py", *arguments)


def salvage(*arguments):
    return run("salvage.py", *arguments)


def run(script, *arguments):
    command = [sys.executable, DEPLOY / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, timeout=120)


def contents(top):
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def stored(tmp_path_factory, new_port):
    """A stopped machine with a tree in two epochs, of sealing and of names, and two backups of it; and the tree."""
    place = tmp_path_factory.mktemp("stored")
    machine = Machine(place, new_port())
    (place / "password").write_text(PASSWORD)
    machine.environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(place),
        "LC_ALL": "C.UTF-8",
        "CLOUDCONNECT_HOME": str(place / "home"),
        "CLOUDCONNECT_LISTEN": f"127.0.0.1:{machine.port}",
        "CLOUDCONNECT_ADMIN_PASSWORD_FILE": str(place / "password"),
    }
    machine.start()
    tree = place / "tree"
    tree.mkdir()
    (tree / "empty").touch()
    for number in range(30):
        (tree / f"first {number}").write_bytes(os.urandom(1 + number * 3_000))
    machine.run("put", tree, "/")
    assert machine.run("backup", "create", place / "backups").returncode == 0
    space = machine.json("space", "quota")[0]["space"]
    for key in (("space", space), ("naming", space), ("service", "backups")):
        machine.json("key", "rotate", *key)
    for number in range(30):
        (tree / f"second {number}").write_bytes(os.urandom(2 + number * 3_000))
    (tree / "large").write_bytes(os.urandom(9_000_000))
    machine.run("put", tree, "/")
    assert machine.run("backup", "create", place / "backups").returncode == 0
    machine.stop()
    return place, tree


@pytest.fixture
def home(stored, tmp_path):
    """A data directory of the test's own."""
    shutil.copytree(stored[0] / "home", tmp_path / "home", ignore=shutil.ignore_patterns("run"))
    return tmp_path / "home"


@pytest.fixture
def backups(stored, tmp_path):
    """A place of backups of the test's own."""
    shutil.copytree(stored[0] / "backups", tmp_path / "backups")
    return tmp_path / "backups"


@pytest.fixture
def key(stored):
    return stored[0] / "home.key"


@pytest.fixture
def change(home):
    def run(statement, *values):
        with closing(sqlite3.connect(home / "cloudconnect.db")) as database, database:
            database.execute("PRAGMA foreign_keys = OFF")
            return database.execute(statement, values).fetchall()

    return run


def only(found):
    (one,) = found
    return one


def packs(top):
    found = (top / "packs").glob("*/*/*")
    return [path for path in found if path.parents[1].name != CATALOG_DOMAIN.hex()]


def test_it_reads_what_only_the_journal_of_the_database_holds_and_writes_nothing_beside_it(home, key, stored, tmp_path):
    with closing(sqlite3.connect(home / "cloudconnect.db")) as database:
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("UPDATE entry SET name = 'only in the journal' WHERE name = 'large'")
        database.commit()
        shutil.copytree(home, tmp_path / "copy")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (tmp_path / "copy").rglob("*")}
    assert (tmp_path / "copy" / "cloudconnect.db-wal").stat().st_size

    done = recover("restore", tmp_path / "copy", tmp_path / "out", "--key-file", key)

    assert done.returncode == 0, done.stderr
    found = only((tmp_path / "out").iterdir()) / "tree" / "only in the journal"
    assert found.read_bytes() == (stored[1] / "large").read_bytes()
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in (tmp_path / "copy").rglob("*")}


def test_both_epochs_and_the_empty_file_come_out(home, key, stored, tmp_path):
    done = recover("restore", home, tmp_path / "out", "--key-file", key)

    assert done.returncode == 0, done.stderr
    assert contents(only((tmp_path / "out").iterdir()) / "tree") == contents(stored[1])


def test_records_after_a_damaged_one_come_out_without_database(home, key, stored, tmp_path):
    largest = max(packs(home), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[64 + 30] ^= 1  # the header of the first record: nothing says any more where the second begins
    largest.write_bytes(data)

    done = salvage("restore", home, tmp_path / "out", "--key-file", key)

    found = set(contents(tmp_path / "out").values())
    missing = [name for name, content in contents(stored[1]).items() if content and content not in found]
    assert len(missing) <= 1
    assert (done.returncode, str(largest).encode() in done.stderr) == (1, True), done.stderr


def test_a_pack_that_was_cut_short_gives_what_it_holds_and_is_named(home, key, stored, tmp_path):
    largest = max(packs(home), key=lambda path: path.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)

    done = salvage("restore", home, tmp_path / "out", "--key-file", key)

    assert (done.returncode, str(largest).encode() in done.stderr) == (1, True), done.stderr
    assert len(contents(tmp_path / "out")) > 30


def test_memory_does_not_grow_with_the_packs(home, key, tmp_path):
    with (home / "packs" / only({path.parents[1].name for path in packs(home)}) / "00").open("wb") as file:
        file.truncate(3 << 28)
    # Address space for the program itself is less than 640 MiB; the pack that is all zeros has 768 more.
    limited = [
        "prlimit",
        f"--as={5 << 27}",
        sys.executable,
        str(DEPLOY / "salvage.py"),
        "restore",
        str(home),
        str(tmp_path / "out"),
    ]

    done = subprocess.run([*limited, "--key-file", str(key)], capture_output=True, check=False, timeout=120)

    assert (done.returncode, b"Memory" in done.stderr) == (1, False), done.stderr
    assert len(contents(tmp_path / "out")) > 50


HOSTILE = [
    pytest.param("..", id="the folder above"),
    pytest.param("../../../../escaped", id="a path upwards"),
    pytest.param("/tmp/escaped", id="a path from the root on"),
    pytest.param("a\\..\\escaped", id="backslashes"),
    pytest.param("nul\0", id="a NUL"),
    pytest.param("x" * 300, id="too long for a disk"),
    pytest.param(b"\xff\xfe", id="no UTF-8"),
    pytest.param("first 1", id="the name of another file"),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_directory_or_keeps_others_from_coming_out(name, home, key, change, stored, tmp_path):
    for (index,) in change("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'entry' AND sql <> ''"):
        change(f'DROP INDEX "{index}"')
    change("UPDATE entry SET name = CAST(? AS TEXT) WHERE name = 'first 2'", name)
    before = set(tmp_path.iterdir())

    done = recover("restore", home, tmp_path / "out", "--key-file", key)

    assert b"Traceback" not in done.stderr
    assert set(tmp_path.iterdir()) - before == {tmp_path / "out"}
    assert not list(Path("/tmp").glob("*escaped*"))
    tree = only((tmp_path / "out").iterdir()) / "tree"
    assert (tree / "large").read_bytes() == (stored[1] / "large").read_bytes()
    assert len(contents(tree)) >= len(contents(stored[1])) - 1


def test_a_file_and_a_folder_of_one_name_do_not_keep_others_from_coming_out(home, key, change, stored, tmp_path):
    for (index,) in change("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'entry' AND sql <> ''"):
        change(f'DROP INDEX "{index}"')
    ((parent,),) = change("SELECT parent FROM entry WHERE name = 'tree'")
    change("UPDATE entry SET parent = ?, name = 'tree' WHERE name = 'first 3'", parent)

    done = recover("restore", home, tmp_path / "out", "--key-file", key)

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert contents(only((tmp_path / "out").iterdir()))


def test_folders_that_lie_in_themselves_end(home, key, change, stored, tmp_path):
    ((parent,),) = change("SELECT parent FROM entry WHERE name = 'tree'")
    change("UPDATE entry SET node = ? WHERE name = 'first 3'", parent)

    done = recover("list", home, "--key-file", key)

    assert b"Traceback" not in done.stderr
    assert done.stdout.count(b"\n") < 200


def test_nothing_that_a_database_says_of_content_ends_the_script(home, key, change, stored, tmp_path):
    change("UPDATE chunk SET length = 1 << 61, position = -5 WHERE position % 2 = 0")
    change("UPDATE version SET manifest = x'' WHERE hex(sha256) < '3'")
    change("UPDATE entry SET modified_ns = 9e18 WHERE name = 'first 4'")

    done = recover("restore", home, tmp_path / "out", "--key-file", key)

    assert (done.returncode, b"Traceback" in done.stderr, b"ended" in done.stderr) == (1, False, False), done.stderr


def test_when_a_node_of_a_tree_is_damaged_its_chunks_come_out_and_it_is_named(home, key, change, stored, tmp_path):
    ((manifest,),) = change(
        "SELECT manifest FROM version JOIN entry ON entry.node = version.node WHERE entry.name = 'large'"
    )
    ((pack, position),) = change(
        "SELECT hex(pack.id), position FROM chunk JOIN pack ON number = pack WHERE key = ?", manifest[2:18]
    )
    path = next(path for path in packs(home) if path.name == pack.lower())
    data = bytearray(path.read_bytes())
    data[position + 100] ^= 1
    path.write_bytes(data)

    done = salvage("restore", home, tmp_path / "out", "--key-file", key)

    assert (done.returncode, manifest[2:34].hex().encode() in done.stderr) == (1, True), done.stderr
    large = (stored[1] / "large").read_bytes()
    starts = sorted((large.find(each), len(each)) for each in contents(tmp_path / "out").values())
    covered = 0
    for start, size in starts:
        if 0 <= start <= covered:
            covered = max(covered, start + size)
    assert covered == len(large)


def documents(backups):
    return sorted((backups / "backups").glob("*.json"))


def test_the_newest_backup_that_is_whole_is_taken(backups, key, stored, tmp_path):
    largest = max(packs(backups), key=lambda path: path.stat().st_size)
    largest.unlink()

    done = recover("restore", backups, tmp_path / "out", "--key-file", key)

    first = {name: data for name, data in contents(stored[1]).items() if name.startswith(("first", "empty"))}
    assert contents(only((tmp_path / "out").iterdir()) / "tree") == first
    assert (done.returncode, documents(backups)[-1].name.encode() in done.stderr) == (1, True)


def test_the_newest_backup_gives_what_it_can_where_none_is_whole(backups, key, stored, tmp_path):
    documents(backups)[0].unlink()
    max(packs(backups), key=lambda path: path.stat().st_size).unlink()

    done = recover("restore", backups, tmp_path / "out", "--key-file", key)

    assert (done.returncode, b"large" in done.stderr) == (1, True)
    assert len(contents(tmp_path / "out")) >= 30


FORGED = [
    pytest.param(lambda text: text.replace('"position": ', '"position": 1'), id="changed"),
    pytest.param(lambda text: text[: len(text) // 2], id="cut short"),
    pytest.param(lambda text: "[]", id="something else"),
]


@pytest.mark.parametrize("forge", FORGED)
def test_a_description_that_was_not_signed_is_passed_over(forge, backups, key, stored, tmp_path):
    newest = documents(backups)[-1]
    document = json.loads(newest.read_text())
    newest.write_text(forge(json.dumps(document | {"backup": forge(document["backup"])})))

    done = recover("list", backups, "--key-file", key)

    assert (done.returncode, newest.name.encode() in done.stderr) == (1, True)
    assert b"first 3" in done.stdout
    assert b"second 3" not in done.stdout


def test_an_old_description_under_a_newer_name_is_passed_over(backups, key, tmp_path):
    oldest = documents(backups)[0]
    shutil.copy(oldest, oldest.with_name("bak_7ZZZZZZZZZZZZZZZZZZZZZZZZZ.json"))

    done = recover("list", backups, "--key-file", key)

    assert (done.returncode, b"bak_7ZZ" in done.stderr, b"second 3" in done.stdout) == (1, True, True)


def test_a_damaged_catalog_leads_to_the_backup_before(backups, key, tmp_path):
    newest = json.loads(json.loads(documents(backups)[-1].read_text())["backup"])
    oldest = json.loads(json.loads(documents(backups)[0].read_text())["backup"])
    for pack in {place[0] for place in newest["places"].values()} - {place[0] for place in oldest["places"].values()}:
        only((backups / "packs").rglob(pack)).write_bytes(b"")

    done = recover("list", backups, "--key-file", key)

    assert (done.returncode, b"first 3" in done.stdout, b"second 3" in done.stdout) == (1, True, False), done.stderr


def test_strange_things_among_the_packs_do_not_end_it(home, key, tmp_path):
    (home / "packs" / "lost+found").mkdir()
    (home / "packs" / "note").write_text("not a pack")
    (only({path.parents[1] for path in packs(home)}) / "stray").write_bytes(b"")

    done = salvage("restore", home, tmp_path / "out", "--key-file", key)

    assert b"Traceback" not in done.stderr
    assert len(contents(tmp_path / "out")) > 50
