"""Backups in a bucket, parts of them put back, schedules and pruning, from the command line."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "storage" / "backends"))
from servers import AZURE_ACCOUNT, AZURE_KEY, KEY_ID, SECRET, shared

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session", params=["moto", "azurite"])
def server(request, tmp_path_factory, worker_id):
    base = tmp_path_factory.getbasetemp()
    with shared(request.param, (base if worker_id == "master" else base.parent) / "servers") as running:
        yield running


@pytest.fixture
def bucket(server, tmp_path):
    """The options that name a new bucket."""
    file = tmp_path / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text(
        f'account = "{AZURE_ACCOUNT}"\nkey = "{AZURE_KEY}"\n'
        f'access_key_id = "{KEY_ID}"\nsecret_access_key = "{SECRET}"\n'
    )
    named = ["--kind", server.kind, "--bucket", server.make_bucket(), "--endpoint", server.url]
    return [*named, "--prefix", "some/where", "--credentials-file", str(file)]


def last(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fill(machine, tmp_path):
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)
    for number in range(20):
        (tree / f"small {number}").write_bytes(os.urandom(1 + number * 50))
    (tree / "inner" / "large").write_bytes(os.urandom(5_000_000))
    assert machine.run("put", tree, "/").returncode == 0
    return tree


def contents(top):
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def get(machine, path, tmp_path):
    target = tmp_path / f"back {os.urandom(4).hex()}"
    done = machine.run("get", path, target)
    assert done.returncode == 0, done.stderr
    return contents(target) if target.is_dir() else target.read_bytes()


def test_a_backup_in_a_bucket_comes_back_on_another_machine(machine, bucket, tmp_path):
    tree = fill(machine, tmp_path)
    last(machine.run("backup", "place", "add", "away", *bucket, "--json"))
    first = last(machine.run("backup", "create", "away", "--json"))["result"]
    (tree / "later").write_bytes(os.urandom(10_000))
    machine.run("put", tree / "later", "/tree/later")
    second = last(machine.run("backup", "create", "away", "--json"))["result"]
    assert last(machine.run("backup", "verify", "away", "--full", "--json"))["result"]["versions_read"] == 22
    assert [each["id"] for each in machine.json("backup", "list", "away")] == [first["id"], second["id"]]
    pruned = last(machine.run("backup", "prune", "away", "--keep-last", "1", "--json"))["result"]
    assert (pruned["backups"], pruned["kept"]) == (1, 1)
    last(machine.run("backup", "verify", "away", "--full", "--json"))
    (place,) = machine.json("backup", "place", "list")
    assert place["verified"] is not None
    assert SECRET not in json.dumps(place)
    machine.stop()

    machine.environment |= {
        "CLOUDCONNECT_HOME": str(tmp_path / "restored"),
        "CLOUDCONNECT_KEYS_FILE": str(tmp_path / "home.key"),
    }
    last(machine.run("backup", "restore", *bucket, "--json"))
    machine.start()

    assert get(machine, "/tree", tmp_path) == contents(tree)
    refused = machine.run("backup", "create", "away")
    assert (refused.returncode, b"backup place claim away" in refused.stderr) == (1, True), refused.stderr
    assert machine.run("backup", "place", "claim", "away", "--yes").returncode == 0
    assert last(machine.run("backup", "create", "away", "--json"))["result"]["damaged_packs"] == 0


def test_parts_are_put_aside_or_in_their_place(machine, tmp_path):
    tree = fill(machine, tmp_path)
    there = tmp_path / "backups"
    last(machine.run("backup", "create", there, "--json"))
    (tmp_path / "changed").write_bytes(b"changed by mistake")
    done = machine.run("put", tmp_path / "changed", "/tree/small 3")
    assert done.returncode == 0, done.stderr
    assert get(machine, "/tree/small 3", tmp_path) == b"changed by mistake"
    assert machine.run("rm", "-r", "/tree/inner", "--yes").returncode == 0

    aside = last(machine.run("backup", "restore", there, "--path", "/tree/inner", "--json"))["result"]
    assert get(machine, f"{aside['folder']}/tree/inner", tmp_path) == contents(tree / "inner")
    into = last(machine.run("backup", "restore", there, "--path", "/tree/small 4", "--into", "/found", "--json"))
    assert into["result"]["files"] == 1
    assert get(machine, "/found/tree/small 4", tmp_path) == (tree / "small 4").read_bytes()
    live = last(machine.run("backup", "restore", there, "--path", "/tree", "--live", "--json"))["result"]
    assert (live["files"], live["unchanged"], live["damaged"]) == (21, 19, 0)
    assert get(machine, "/tree", tmp_path) == contents(tree)
    whole = last(machine.run("backup", "restore", there, "--path", "/", "--into", "/all", "--json"))["result"]
    assert whole["files"] == 21

    missing = machine.run("backup", "restore", there, "--path", "/nowhere")
    assert (missing.returncode, b"nowhere" in missing.stderr) == (1, True), missing.stderr


def test_what_is_damaged_is_named_and_the_rest_comes_back(machine, tmp_path):
    tree = fill(machine, tmp_path)
    there = tmp_path / "backups"
    last(machine.run("backup", "create", there, "--json"))
    for pack in (machine.place / "home" / "packs").rglob("*"):
        copy = there / pack.relative_to(machine.place / "home")
        if pack.is_file() and pack.stat().st_size > 1_000_000:
            data = bytearray(copy.read_bytes())
            data[len(data) // 2] ^= 1
            copy.write_bytes(data)
            pack.write_bytes(data)

    done = machine.run("backup", "restore", there, "--path", "/tree", "--into", "/back", "--json")

    assert done.returncode == 7, done.stderr
    assert json.loads(done.stdout)["result"]["damaged_paths"] == "/tree/inner/large"
    back = get(machine, "/back/tree", tmp_path)
    assert back == {name: data for name, data in contents(tree).items() if name != "inner/large"}


def test_a_schedule_is_set_shown_and_ended(machine, tmp_path):
    there = tmp_path / "backups"
    assert machine.run("backup", "schedule", there, "--every", "24", "--keep-daily", "7").returncode == 0
    (place,) = machine.json("backup", "schedule")
    assert (place["name"], place["every_hours"], place["keep"]["daily"]) == (str(there), 24, 7)
    done = last(machine.run("operations", "start", "backup.scheduled", "--set", f"to={there}", "--json"))
    assert done["result"]["verified"] == "yes"
    assert machine.run("backup", "schedule", there, "--off").returncode == 0
    (place,) = machine.json("backup", "schedule")
    assert place["every_hours"] is None


def test_destroying_a_space_reaches_the_copies_of_its_keys(machine, tmp_path):
    fill(machine, tmp_path)
    there = tmp_path / "backups"
    last(machine.run("backup", "create", there, "--json"))
    (space,) = (each["space"] for each in machine.json("space", "quota"))
    there.rename(tmp_path / "unplugged")

    pending = machine.json("key", "shred", space, "--yes")["result"]
    (tmp_path / "unplugged").rename(there)
    erased = machine.json("key", "shred", space, "--yes")["result"]
    machine.stop()
    machine.environment |= {
        "CLOUDCONNECT_HOME": str(tmp_path / "restored"),
        "CLOUDCONNECT_KEYS_FILE": str(tmp_path / "home.key"),
    }
    last(machine.run("backup", "restore", there, "--json"))
    machine.start()

    assert (pending["state"], erased["state"]) == ("pending", "erased")
    assert machine.run("get", "/tree/small 3", tmp_path / "never").returncode != 0
