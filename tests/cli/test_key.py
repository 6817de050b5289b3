"""Keys from the command line: what opens the store, rotation under a running daemon, and destruction."""

import json
import os

import pytest

pytestmark = pytest.mark.slow


def own_space(machine):
    (space,) = (each["space"] for each in machine.json("space", "quota"))
    return space


def fill(machine, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(30):
        (tree / f"small {number}").write_bytes(os.urandom(number * 50))
    (tree / "large").write_bytes(os.urandom(3_000_000))
    assert machine.run("put", tree, "/").returncode == 0
    return tree


def is_as_before(machine, tree, tmp_path):
    back = tmp_path / f"back {os.urandom(4).hex()}"
    assert machine.run("get", "/tree", back).returncode == 0
    return {path.name: path.read_bytes() for path in back.iterdir()} == {
        path.name: path.read_bytes() for path in tree.iterdir()
    }


def test_every_key_is_replaced_while_the_daemon_runs_and_it_starts_again(machine, tmp_path):
    tree, space = fill(machine, tmp_path), own_space(machine)
    before = (tmp_path / "home" / "keyring.db").read_bytes()

    machine.json("key", "rotate", "wrapping")
    assert machine.json("key", "rotate", "naming", space) == {"subject": space, "version": 1}
    for name in ("passwords", "certificates", "backups"):
        assert machine.json("key", "rotate", "service", name) == {"subject": name, "version": 2}
    assert machine.run("key", "rotate", "service", "cookies").returncode == 4
    assert machine.json("key", "rotate", "space", space)["epoch"] == 2
    (tree / "later").write_bytes(os.urandom(1_000_000))
    machine.run("put", tree, "/")
    resealed = json.loads(machine.run("key", "rotate", "space", space, "--reseal", "--json").stdout)
    code = machine.json("key", "rotate", "master", "--yes")["recovery_code"]
    machine.json("gc", "--now")
    assert is_as_before(machine, tree, tmp_path)
    machine.stop()
    machine.start()

    assert resealed["result"]["chunks"] > 3
    assert is_as_before(machine, tree, tmp_path)
    assert {"space": space, "epoch": 3} in machine.json("key", "spaces")
    assert machine.json("scrub")["result"]["damaged_chunks"] == 0
    assert before != (tmp_path / "home" / "keyring.db").read_bytes()
    assert code not in (tmp_path / "log").read_text()


def test_shares_make_a_new_key_file_when_the_old_one_is_lost(machine, tmp_path):
    tree = fill(machine, tmp_path)
    made = machine.run("key", "shares", "--needed", "2", "--total", "3", "--into", tmp_path / "shares")
    files = sorted((tmp_path / "shares").iterdir())
    machine.stop()
    (tmp_path / "home.key").unlink()

    too_few = machine.run("key", "recover", "--share-file", files[0])
    both = machine.run("key", "recover", "--share-file", files[0], "--share-file", files[2])
    machine.start()

    assert (made.returncode, len(files), files[0].stat().st_mode & 0o777) == (0, 3, 0o600)
    assert b"CCS1" not in made.stdout + made.stderr
    assert (too_few.returncode, both.returncode) == (12, 0), too_few.stderr + both.stderr
    assert is_as_before(machine, tree, tmp_path)


def test_the_recovery_code_makes_a_new_key_file(machine, tmp_path):
    code = machine.json("key", "rotate", "code")["recovery_code"]
    machine.stop()
    (tmp_path / "home.key").unlink()
    (tmp_path / "code").write_text(code.lower())

    assert machine.run("key", "recover", "--code-file", tmp_path / "code").returncode == 0
    assert machine.run("key", "recover", "--code-file", tmp_path / "code").returncode == 6
    machine.start()


def test_a_second_slot_opens_the_store_until_it_is_removed(machine, tmp_path):
    added = machine.json("key", "add", "key-file", tmp_path / "second.key")
    slots = machine.json("key", "status")["slots"]
    current = next(slot["id"] for slot in slots if slot["is_current"])
    assert machine.run("key", "remove", current, "--yes").returncode == 6
    machine.stop()
    machine.environment["CLOUDCONNECT_KEYS_FILE"] = str(tmp_path / "second.key")
    machine.start()
    assert machine.run("key", "remove", current, "--yes").returncode == 0
    machine.stop()
    machine.environment["CLOUDCONNECT_KEYS_FILE"] = str(tmp_path / "home.key")

    assert [slot["kind"] for slot in slots] == ["key-file", "key-file", "recovery"]
    assert added["id"] in [slot["id"] for slot in machine.json("key", "status")["slots"]]
    assert machine.run("serve").returncode == 12


def test_a_key_file_can_be_made_before_there_is_a_store(new_machine, tmp_path):
    assert new_machine.run("key", "init").returncode == 0
    key = (tmp_path / "home.key").read_bytes()
    again = new_machine.run("key", "init")
    new_machine.start()

    assert (len(key), again.returncode) == (32, 6)
    assert (tmp_path / "home.key").read_bytes() == key


def test_a_destroyed_space_is_gone_and_stays_gone(machine, tmp_path):
    fill(machine, tmp_path)
    space = own_space(machine)
    packs = [path for path in (tmp_path / "home" / "packs").rglob("*") if path.is_file()]
    unasked = machine.run("key", "shred", space)

    ended = machine.json("key", "shred", space, "--yes")
    certificate = machine.run("key", "certificate", space)
    machine.json("gc", "--now")

    assert (unasked.returncode, len(packs) > 0) == (14, True)
    assert ended["result"]["state"] == "erased"
    assert space in json.loads(json.loads(certificate.stdout)["certificate"])["space"]
    assert not any(path.exists() for path in packs)
    assert machine.json("ls", "/") == []
    assert own_space(machine) != space
    machine.stop()
    machine.start()
    assert machine.json("ls", "/") == []
    assert machine.run("key", "shred", "spc_01JZZZZZZZZZZZZZZZZZZZZZZZ", "--yes").returncode != 0


def test_a_space_is_named_as_people_name_it_and_what_is_not_there_begins_nothing(machine, tmp_path):
    fill(machine, tmp_path)
    own = own_space(machine)
    photos = machine.json("space", "create", "Photos")["id"]
    machine.json("user", "add", "bea")
    twice = [machine.json("space", "create", "Twice", *owner)["id"] for owner in ((), ("--owner", "bea"))]

    assert machine.json("key", "rotate", "space", "Photos")["space"] == photos
    assert machine.json("key", "rotate", "space", "personal")["space"] == own
    assert b"Photos" in machine.run("key", "spaces").stdout
    unclear = machine.run("key", "rotate", "space", "Twice")
    assert (unclear.returncode, all(each.encode() in unclear.stderr for each in twice)) == (6, True)
    missing = [
        machine.run(*command)
        for command in (
            ("key", "reseal", "Nowhere"),
            ("key", "shred", "Nowhere", "--yes"),
            ("key", "reseal", "spc_01JZZZZZZZZZZZZZZZZZZZZZZZ"),
            ("key", "shred", "spc_01JZZZZZZZZZZZZZZZZZZZZZZZ", "--yes"),
            ("storage", "test", "nowhere"),
            ("storage", "migrate", "main", "nowhere"),
            ("storage", "migrate", "main", "main"),
        )
    ]
    assert [each.returncode for each in missing] == [4, 4, 4, 4, 2, 2, 2]
    assert machine.json("operations", "list") == []
    no_kind = machine.run("storage", "add", "disk", "/mnt/disk")
    assert (no_kind.returncode, b"azure" in no_kind.stderr, b"openapi" in no_kind.stderr) == (2, True, False)
    assert b"name no key service" in machine.run("key", "kms", "test").stderr
