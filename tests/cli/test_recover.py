"""With the database deleted, packs and keys alone give back the tree as of the last catalog, and what came after it."""

import json
import os

import pytest

pytestmark = pytest.mark.slow


def lose_database(machine):
    for path in (machine.place / "home").glob("cloudconnect.db*"):
        path.unlink()


def contents(top):
    return {path.name: path.read_bytes() for path in top.iterdir()}


def get(machine, path):
    target = machine.place / f"back {os.urandom(4).hex()}"
    done = machine.run("get", path, target)
    assert done.returncode == 0, done.stderr
    return contents(target)


def test_everything_is_there_again(machine, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(40):
        (tree / f"small {number}").write_bytes(os.urandom(1 + number * 50))
    (tree / "large").write_bytes(os.urandom(5_000_000))
    machine.run("put", tree, "/")
    machine.json("operations", "start", "storage.catalog")
    late = tmp_path / "late"
    late.mkdir()
    (late / "letter").write_bytes(b"written after the last catalog")
    (late / "film").write_bytes(os.urandom(4_000_000))
    machine.run("put", late, "/")
    there = machine.run("recover", "--from-packs")
    machine.kill()
    still = machine.run("recover", "--from-packs")
    lose_database(machine)

    done = machine.run("recover", "--from-packs", "--json")
    machine.start()

    assert (there.returncode, still.returncode) == (11, 6), still.stderr
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["unnamed"] == 2
    assert get(machine, "/tree") == contents(tree)
    (folder,) = (each["name"] for each in machine.json("ls", "/") if each["name"].startswith("Recovered"))
    assert sorted(get(machine, f"/{folder}").values()) == sorted(contents(late).values())
    machine.run("put", tree, "/again")
    assert machine.json("gc", "--now")["result"]["chunks_damaged"] == 0
    assert machine.json("scrub")["result"]["damaged_chunks"] == 0
    assert get(machine, "/tree") == contents(tree)


def test_without_a_catalog_it_says_what_to_do(machine, tmp_path):
    (tmp_path / "file").write_bytes(b"words")
    machine.run("put", tmp_path / "file", "/")
    machine.stop()
    lose_database(machine)

    done = machine.run("recover", "--from-packs")

    assert (done.returncode, b"catalog" in done.stderr) == (4, True), done.stderr
    assert not (tmp_path / "home" / "cloudconnect.db").exists()
    assert machine.run("recover").returncode == 2
