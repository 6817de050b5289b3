"""The trash on the command line: what is in it, bringing back, giving up for good."""

import subprocess

import pytest

pytestmark = pytest.mark.slow


def trash_paths(machine, *where):
    return [each["path"] for each in machine.json("trash", "list", *where)]


def test_one_thing_is_given_up_by_its_path_or_its_id(machine):
    machine.run("mkdir", "/a", "/b", "/c")
    machine.run("rm", "-r", "--yes", "/a", "/b", "/c")
    ids = {each["path"]: each["id"] for each in machine.json("trash", "list")}

    asked = machine.run("trash", "purge", "/a", stdin=subprocess.DEVNULL)

    assert asked.returncode == 14
    assert b"/a" in asked.stderr
    assert machine.run("trash", "purge", "/a", "--yes").returncode == 0
    assert machine.run("trash", "purge", ids["/b"], "--yes").returncode == 0
    assert machine.run("trash", "purge", "/a", "--yes").returncode == 4
    assert trash_paths(machine) == ["/c"]


def test_emptying_says_what_goes_before_it_goes(machine):
    machine.run("mkdir", "/a", "/b")
    machine.run("rm", "-r", "--yes", "/a", "/b")

    assert machine.json("trash", "empty", "--dry-run")["count"] == 2
    assert machine.run("trash", "empty", stdin=subprocess.DEVNULL).returncode == 14
    assert machine.json("trash", "empty", "--older-than", "1", "--yes")["count"] == 0
    assert len(trash_paths(machine)) == 2
    assert machine.json("trash", "empty", "--yes")["count"] == 2
    assert trash_paths(machine) == []


def test_the_trash_of_another_space_is_reached_by_name(machine):
    machine.run("space", "create", "Photos")
    machine.run("mkdir", "Photos:/a", "Photos:/b")
    machine.run("rm", "-r", "--yes", "Photos:/a", "Photos:/b")
    ids = {each["path"]: each["id"] for each in machine.json("trash", "list", "Photos:/")}

    assert machine.run("restore", f"Photos:{ids['/a']}").returncode == 0
    assert machine.run("trash", "purge", f"Photos:{ids['/b']}", "--yes").returncode == 0
    assert machine.run("ls", "Photos:/").stdout == b"a/\n"
    assert trash_paths(machine, "Photos:/") == []
