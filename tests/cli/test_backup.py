"""A backup of a running appliance can be proved, and comes back as what it was."""

import json
import os

import pytest

pytestmark = pytest.mark.slow


def last(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_backup_comes_back_as_what_it_was(machine, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(50):
        (tree / f"small {number}").write_bytes(os.urandom(number * 50))
    (tree / "large").write_bytes(os.urandom(5_000_000))
    machine.run("put", tree, "/")
    first = last(machine.run("backup", "create", tmp_path / "backups", "--json"))
    machine.run("put", tree / "large", "/again")
    machine.run("rm", "/tree/small 7", "--yes")
    second = last(machine.run("backup", "create", tmp_path / "backups", "--json"))
    (tree / "small 7").unlink()
    (tree / "later").write_bytes(b"not in any backup")
    machine.run("put", tree, "/")
    listed = machine.json("backup", "list", tmp_path / "backups")
    verified = last(machine.run("backup", "verify", tmp_path / "backups", "--full", "--json"))
    machine.stop()

    assert [each["id"] for each in listed] == [first["result"]["id"], second["result"]["id"]]
    assert verified["result"]["versions_read"] == 52
    go_elsewhere(machine, tmp_path)
    last(machine.run("backup", "restore", tmp_path / "backups", "--json"))
    again = machine.run("backup", "restore", tmp_path / "backups")
    assert (again.returncode, b"holds a store already" in again.stderr) == (6, True)
    machine.start()
    machine.run("get", "/tree", tmp_path / "back")
    (tree / "later").unlink()
    assert contents(tmp_path / "back") == contents(tree)
    assert all(each["state"] != "running" for each in machine.json("operations", "list"))
    assert last(machine.run("scrub", "--json"))["result"]["damaged_packs"] == 0


def is_of(machine, path):
    """Tell whether *path* is a pack that the machine has itself: one of files, not one of a catalog."""
    return path.is_file() and any((machine.place / "home" / "packs").rglob(path.name))


def go_elsewhere(machine, tmp_path):
    """Let the machine's commands mean another data directory, with the same key."""
    machine.environment |= {
        "CLOUDCONNECT_HOME": str(tmp_path / "restored"),
        "CLOUDCONNECT_KEYS_FILE": str(tmp_path / "home.key"),
    }


def contents(top):
    return {path.name: path.read_bytes() for path in top.iterdir()}


def test_damage_in_a_backup_is_told(machine, tmp_path):
    (tmp_path / "file").write_bytes(os.urandom(400_000))
    machine.run("put", tmp_path / "file", "/file")
    last(machine.run("backup", "create", tmp_path / "backups", "--json"))
    (pack,) = (each for each in (tmp_path / "backups" / "packs").rglob("*") if is_of(machine, each))
    data = bytearray(pack.read_bytes())
    data[200_000] ^= 1
    pack.write_bytes(data)

    aside = tmp_path / "backups" / "orphan"
    verified = machine.run("backup", "verify", tmp_path / "backups", "--full")
    assert any(aside.rglob(pack.name))
    machine.stop()
    go_elsewhere(machine, tmp_path)
    restored = machine.run("backup", "restore", tmp_path / "backups")

    assert (verified.returncode, b"damaged" in verified.stderr) == (1, True)
    assert (restored.returncode, b"is damaged" in restored.stderr) == (7, True), restored.stderr
    assert not (tmp_path / "restored" / "keyring.db").exists()
    machine.environment["CLOUDCONNECT_HOME"] = str(tmp_path / "home")
    machine.start()
    last(machine.run("backup", "create", tmp_path / "backups", "--json"))
    last(machine.run("backup", "verify", tmp_path / "backups", "--full", "--json"))


def test_a_place_inside_the_data_directory_is_refused(machine):
    done = machine.run("backup", "create", f"{machine.place}/home/backups")

    assert done.returncode == 2
    assert b"cannot hold backups" in done.stderr


def test_a_restore_needs_the_key(machine, tmp_path):
    last(machine.run("backup", "create", tmp_path / "backups", "--json"))
    machine.stop()
    (tmp_path / "other.key").write_bytes(os.urandom(32))
    machine.environment |= {
        "CLOUDCONNECT_HOME": str(tmp_path / "restored"),
        "CLOUDCONNECT_KEYS_FILE": str(tmp_path / "other.key"),
    }

    assert machine.run("backup", "restore", tmp_path / "backups").returncode == 12
    assert machine.run("backup", "restore", tmp_path / "missing").returncode == 2


def test_the_recovery_code_restores_without_the_key_file(machine, tmp_path):
    kit = (machine.place / "log").read_text()
    code = next(word for word in kit.split() if word.startswith("CCR1-"))
    last(machine.run("backup", "create", tmp_path / "backups", "--json"))
    machine.stop()
    machine.environment |= {
        "CLOUDCONNECT_HOME": str(tmp_path / "restored"),
        "CLOUDCONNECT_KEYS_FILE": str(tmp_path / "new.key"),
    }
    restored = machine.run("backup", "restore", tmp_path / "backups", "--code-file", "-", input=code.encode())
    machine.start()

    assert restored.returncode == 0, restored.stderr
    assert (tmp_path / "new.key").stat().st_size == 32
    assert machine.json("user", "list")


def test_what_could_not_be_done_with_a_backup_is_refused_before_it_begins(machine):
    place = machine.place / "backups"
    machine.json("backup", "create", place)

    refused = [
        machine.run("backup", *arguments).returncode
        for arguments in (
            ("prune", place),
            ("prune", "elsewhere", "--keep-last", "1"),
            ("verify", place, "--id", "bak_01M85EVJNVV2M76T90GEVXR5M6"),
            ("verify", machine.place / "nowhere"),
            ("restore", machine.place / "nowhere", "--path", "/a"),
        )
    ]

    assert refused == [2, 4, 4, 4, 4]
    assert [each["kind"] for each in machine.json("operations", "list")] == ["backup.create"]
