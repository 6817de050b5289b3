"""With the database deleted, packs and keys alone give back the tree as of the last catalog, and what came after it."""

import hashlib
import json
import os
import subprocess

import pytest

from tests.cli.conftest import PROGRAM

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


def fill(machine, tmp_path, count=20):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(count):
        (tree / f"small {number}").write_bytes(os.urandom(1 + number * 50))
    (tree / "large").write_bytes(os.urandom(5_000_000))
    machine.run("put", tree, "/")
    return tree


def test_a_recovery_that_was_killed_is_repeated_and_loses_nothing(machine, tmp_path):
    fill(machine, tmp_path)
    machine.json("operations", "start", "storage.catalog")
    late = tmp_path / "late"
    late.mkdir()
    for number in range(8):
        (late / f"{number}").write_bytes(os.urandom(300_000 + number))
    machine.run("put", late, "/")
    machine.json("space", "quota", machine.json("space", "quota")[0]["space"], "1")
    machine.kill()
    unfinished = machine.place / "home" / "recovering"
    unfinished.mkdir()
    assert machine.run("serve").returncode == 9
    lose_database(machine)
    for delay in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8):
        recovering = subprocess.Popen(
            [PROGRAM, "recover", "--from-packs"],
            env=machine.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            recovering.wait(delay)
        except subprocess.TimeoutExpired:
            recovering.kill()
            recovering.wait()
        if (machine.place / "home" / "cloudconnect.db").exists() and not unfinished.exists():
            break
    else:
        assert machine.run("recover", "--from-packs").returncode == 0
    machine.start()

    found = {}
    for each in machine.json("ls", "/"):
        if each["name"].startswith("Recovered"):
            found |= get(machine, f"/{each['name']}")
    assert set(contents(late).values()) <= set(found.values())


def test_packs_in_added_storages_come_along(machine, tmp_path):
    (tmp_path / "disk").mkdir()
    machine.json("storage", "add", "disk", "local", "--directory", tmp_path / "disk")
    tree = fill(machine, tmp_path)
    machine.json("operations", "start", "storage.catalog")
    machine.stop()
    lose_database(machine)
    for pack in (tmp_path / "home" / "packs").rglob("*"):
        # As if they had been moved after the catalog, which stays.
        if pack.is_file() and not is_catalog(pack):
            target = tmp_path / "disk" / pack.relative_to(tmp_path / "home")
            target.parent.mkdir(parents=True, exist_ok=True)
            pack.rename(target)

    done = machine.run("recover", "--from-packs", "--json")
    machine.start()

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["missing"] == 0
    assert get(machine, "/tree") == contents(tree)
    assert machine.json("scrub")["result"]["missing_packs"] == 0


def test_catalogs_that_lie_in_an_added_storage_are_found(machine, tmp_path):
    (tmp_path / "disk").mkdir()
    tree = fill(machine, tmp_path)
    machine.json("operations", "start", "storage.catalog")
    # The catalog does not know of the storage yet.
    machine.json("storage", "add", "disk", "local", "--directory", tmp_path / "disk")
    assert machine.run("storage", "migrate", "main", "disk").returncode == 0
    machine.stop()
    lose_database(machine)
    assert not [path for path in (tmp_path / "home" / "packs").rglob("*") if path.is_file()]
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    (tmp_path / "disk").mkdir()
    away = machine.run("recover", "--from-packs")
    (tmp_path / "disk").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "disk")

    done = machine.run("recover", "--from-packs", "--json")
    machine.start()

    assert (away.returncode, b"disk" in away.stderr) == (9, True), away.stderr
    assert done.returncode == 0, done.stderr
    assert get(machine, "/tree") == contents(tree)
    assert [each["name"] for each in machine.json("storage", "list")] == ["main", "disk"]
    assert machine.json("scrub")["result"]["missing_packs"] == 0


def is_catalog(pack):
    return pack.parent.parent.name == hashlib.sha256(b"CloudConnect/v1/catalog").digest()[:16].hex()


def test_what_is_in_no_pack_is_counted_and_gc_goes_on(machine, tmp_path):
    tree = fill(machine, tmp_path)
    machine.json("operations", "start", "storage.catalog")
    machine.kill()
    lose_database(machine)
    for pack in (tmp_path / "home" / "packs").rglob("*"):
        if pack.is_file() and pack.stat().st_size > 3_000_000:
            pack.unlink()

    done = machine.run("recover", "--from-packs", "--json")
    machine.start()

    assert done.returncode == 7
    assert json.loads(done.stdout)["missing"] >= 1
    assert machine.run("gc", "--now").returncode == 0
    assert machine.run("get", "/tree/small 7", tmp_path / "seven").returncode == 0
    assert (tmp_path / "seven").read_bytes() == (tree / "small 7").read_bytes()


def test_what_people_said_about_files_is_there_again(machine, tmp_path):
    (tmp_path / "plan.txt").write_bytes(b"words")
    machine.run("put", tmp_path / "plan.txt", "/")
    (seq,) = (each["seq"] for each in machine.json("version", "list", "/plan.txt"))
    for arguments in (
        ("tag", "add", "/plan.txt", "state=paid", "invoice"),
        ("field", "set", "state", "choice", "open", "paid"),
        ("fav", "add", "/plan.txt"),
        ("version", "pin", "/plan.txt", str(seq), "--note", "signed"),
        ("snapshot", "create", "release"),
        ("policy", "set", "--versions", "keep all 9d", "--trash", "keep 7d; at most 20 % of the space"),
    ):
        done = machine.run(*arguments)
        assert done.returncode == 0, done.stderr
    asked = (
        ("tag", "list", "/plan.txt"),
        ("field", "list"),
        ("fav", "list"),
        ("version", "list", "/plan.txt"),
        ("snapshot", "list"),
        ("policy", "show"),
        ("find", "is:pinned"),
    )
    before = [machine.json(*arguments) for arguments in asked]
    machine.json("operations", "start", "storage.catalog")
    machine.kill()
    lose_database(machine)

    done = machine.run("recover", "--from-packs", "--json")
    machine.start()

    assert done.returncode == 0, done.stderr
    assert [machine.json(*arguments) for arguments in asked] == before
    assert before[-2]["trash"] == "keep 7d; at most 20 % of the space"
