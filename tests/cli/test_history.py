"""Taking back what was done, on the command line."""

import pytest

pytestmark = pytest.mark.slow


def names(machine):
    return [each["path"] for each in machine.json("tree", "/")]


def token_in(done):
    return done.stderr.decode().rpartition("cloudconnect undo ")[2].strip()


def test_every_command_that_changes_something_says_how_to_take_it_back(machine, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for number in range(20):
        (tmp_path / "in" / "deep" / f"{number}.txt").write_bytes(bytes([number]) * 100)
    (tmp_path / "in" / "large").write_bytes(bytes(3_000_000))
    put = machine.run("put", tmp_path / "in", "/")
    before = names(machine)
    commands = (("mkdir", "/a"), ("mv", "/in/large", "/a/"), ("cp", "/in", "/copy"), ("rm", "-r", "--yes", "/in"))
    done = [machine.run(*command) for command in commands]
    for each in reversed(done):
        undone = machine.run("undo", token_in(each))
        assert undone.returncode == 0, undone.stderr
    assert names(machine) == before

    assert machine.run("undo", token_in(put)).returncode == 0
    assert names(machine) == []
    assert machine.run("undo", "nonsense").returncode == 2
    assert b"nothing to undo" in machine.run("undo").stderr


def test_the_last_changes_are_listed_and_taken_back_by_count(machine):
    for name in ("/a", "/b", "/c"):
        machine.run("mkdir", name)
    listed = machine.run("undo", "--list").stdout.decode()
    assert [line.split()[-2] for line in listed.splitlines()[1:]] == ["/c", "/b", "/a"]
    assert b"2 to the trash" in machine.run("undo", "2", "--dry-run").stdout
    assert machine.json("undo", "2")["trashed"] == 2
    assert names(machine) == ["/a"]


def test_a_rollback_asks_first_and_then_does_what_it_said(machine):
    machine.run("mkdir", "/a")
    refused = machine.run("rollback", "--since", "1h")
    assert b"--yes" in refused.stderr
    assert names(machine) == ["/a"]
    assert machine.run("rollback", "--by", "admin", "--since", "1h", "--yes").returncode == 0
    assert names(machine) == []
    assert machine.run("rollback", "--yes").returncode != 0


def test_the_past_is_named_compared_and_given_back(machine, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one")
    machine.run("put", tmp_path / "a.txt", "/")
    assert machine.run("snapshot", "create", "before").returncode == 0
    (tmp_path / "a.txt").write_bytes(b"other")
    machine.run("put", tmp_path / "a.txt", "/")
    machine.run("mkdir", "/b")

    for command in (("diff", "before"), ("snapshot", "diff", "before", "now")):
        done = machine.run(*command)
        assert done.stdout.decode().splitlines() == ["~ /a.txt  3 B → 5 B", "+ /b/"]
        assert b"1 added, 0 removed, 1 modified, 0 moved; +2 B" in done.stderr
    assert machine.run("cat", "/a.txt", "--at", "before").stdout == b"one"
    assert [each["name"] for each in machine.json("snapshot", "list")] == ["before"]

    assert b"1 with earlier content" in machine.run("restore", "/a.txt", "--at", "before", "--dry-run").stdout
    assert b"1 file," in machine.run("restore", "/a.txt", "--at", "before", "--to", "/old.txt", "--dry-run").stdout
    assert machine.run("restore", "/a.txt", "--dry-run").returncode == 2
    assert machine.run("restore", "/a.txt", "--at", "before", "--to", "/old.txt").returncode == 0
    back = machine.run("restore", "/a.txt", "--at", "before")
    assert machine.run("cat", "/a.txt").stdout == machine.run("cat", "/old.txt").stdout == b"one"
    assert machine.run("undo", token_in(back)).returncode == 0
    assert machine.run("cat", "/a.txt").stdout == b"other"

    assert machine.run("snapshot", "delete", "before", "--yes").returncode == 0
    assert machine.json("snapshot", "list") == []
