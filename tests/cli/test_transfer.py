"""Trees in and out, with the manners of ``cp -r``."""

import json
import os
import subprocess
import threading

import pytest

pytestmark = pytest.mark.slow


def plant(top):
    """Make a tree with whatever names and times people have; return it."""
    names = ["plain.txt", "with space", "ünïcode ✓", "日本語", "-dash", "%2f", "quote'\"s", "x" * 255, ".hidden"]
    for depth, folder in enumerate(("", "a", "a/b", "a/b/c")):
        (top / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (top / folder / name).write_bytes(os.urandom(100 * depth))
            os.utime(top / folder / name, ns=(1, 1_234_567_890_123_456_789 + depth))
    (top / "large").write_bytes(os.urandom(3_000_000))
    (top / "empty").mkdir()
    os.utime(top / "empty", ns=(1, 987_654_321_123_456_789))
    return top


def facts(top):
    found = {}
    for path in sorted(top.rglob("*")):
        content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(top))] = (content, path.stat().st_mtime_ns)
    return found


def test_a_tree_comes_back_as_it_went_in_and_is_sent_once(machine, tmp_path):
    tree = plant(tmp_path / "tree")
    (tree / "link").symlink_to("plain.txt")
    first = json.loads(machine.run("put", tree, "/", "--json").stdout.splitlines()[-1])
    again = json.loads(machine.run("put", tree, "/", "--json").stdout.splitlines()[-1])
    other = json.loads(machine.run("put", tree, "/other", "--json").stdout.splitlines()[-1])
    assert machine.run("get", "/tree", tmp_path / "back").returncode == 0
    (tree / "link").unlink()
    assert facts(tmp_path / "back") == facts(tree)
    assert (first["status"], first["special_files"]) == ("success", 1)
    assert (again["sent_bytes"], again["skipped_files"]) == (0, first["files"])
    assert other["stored_bytes"] < first["stored_bytes"] / 100


def test_places_are_understood_as_cp_does(machine, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("f")
    (tmp_path / "g").write_text("g")
    machine.run("put", tmp_path / "d", "/")
    machine.run("put", tmp_path / "d", "/renamed")
    machine.run("put", tmp_path / "d", tmp_path / "g", "/renamed")
    tree = [entry["path"] for entry in machine.json("tree", "/")]
    assert tree == ["/d", "/d/f", "/renamed", "/renamed/d", "/renamed/d/f", "/renamed/f", "/renamed/g"]
    assert machine.run("put", tmp_path / "d", tmp_path / "g", "/nowhere").returncode == 6
    (tmp_path / "out").mkdir()
    machine.run("get", "/d", "/renamed/g", tmp_path / "out")
    machine.run("get", "/renamed/g", tmp_path / "single")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["d", "f", "g"]
    assert (tmp_path / "single").read_text() == "g"
    machine.run("put", tmp_path / "g", "/d/g")
    assert machine.run("get", "/d/g", "/renamed/g", tmp_path / "out").returncode == 6
    assert machine.run("get", "/d/g", "/d/g/", tmp_path / "out").returncode == 0


def test_a_name_that_is_no_text_is_told_and_the_rest_goes(machine, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "good").write_text("1")
    (tree / os.fsdecode(b"bad\xff")).touch()
    done = machine.run("put", tree, "/", "--json")
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 3
    assert (told["status"], len(told["failures"])) == ("partial", 1)
    assert machine.run("ls", "/tree").stdout == b"good\n"


def test_a_put_outlives_a_daemon_that_is_killed(machine, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(1_500):
        (tree / str(number)).write_bytes(os.urandom(2_000))
    outcome = {}

    def put():
        outcome["done"] = machine.run("put", tree, "/")

    putting = threading.Thread(target=put)
    putting.start()
    while not machine.run("ls", "/tree").stdout:
        pass
    machine.kill()
    machine.start()
    putting.join()
    assert outcome["done"].returncode == 0, outcome["done"].stderr
    machine.run("get", "/tree", tmp_path / "back")
    assert facts(tmp_path / "back") == facts(tree)


def test_a_broken_download_goes_on_where_it_broke(machine, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(8_000_000))
    machine.run("put", tmp_path / "big", "/")
    machine.run("get", "/big", tmp_path / "whole")
    done = machine.run("get", "/big", tmp_path / "whole", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["skipped_files"] == 1
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "big").read_bytes()
    assert subprocess.run(["ls", "-A", tmp_path], capture_output=True, check=True).stdout.count(b".part") == 0


def test_a_large_file_that_changed_sends_what_changed(machine, tmp_path):
    large = tmp_path / "large"
    data = bytearray(os.urandom(24 << 20))
    large.write_bytes(data)
    machine.run("put", large, "/large")
    data[12_000_000:12_010_000] = os.urandom(10_000)
    large.write_bytes(data)
    again = json.loads(machine.run("put", large, "/large", "--json").stdout.splitlines()[-1])
    machine.run("get", "/large", tmp_path / "back")

    assert again["sent_bytes"] < 6 << 20
    assert again["failures"] == []
    assert (tmp_path / "back").read_bytes() == data
