"""What the trash may hold, said and tried on the command line."""

import pytest

pytestmark = pytest.mark.slow


def said(machine, *arguments):
    done = machine.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_a_policy_for_the_trash_is_tried_set_shown_and_taken_back(machine, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"12345")
    machine.run("put", tmp_path / "a.txt", "/")
    machine.run("rm", "/a.txt")
    words = "at least 0h; at most 0 % of the space"
    assert "in the trash 1 thing, 5 B." in said(machine, "policy", "test", "--trash", words)
    assert "in the trash 0 things, 0 B." in said(machine, "policy", "test")
    assert f"Trash: {words}" in said(machine, "policy", "set", "--trash", words)
    assert machine.json("policy", "show")["trash"] == words
    assert "Trash: 7 days" in said(machine, "policy", "set", "--trash-days", "7")
    assert machine.json("policy", "set", "--trash", "default")["trash_days"] is None
    assert machine.run("policy", "set", "--trash", "keep 3d", "--trash-days", "3").returncode == 2
    assert machine.run("policy", "set", "--trash", "keep 1d; at least 1w").returncode == 2


def test_a_tag_says_how_to_take_it_back(machine, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x")
    machine.run("put", tmp_path / "a.txt", "/")
    done = machine.run("tag", "add", "/a.txt", "invoice")
    assert b"undo with: cloudconnect undo spc_" in done.stderr
    assert "1 with other tags" in machine.run("undo").stderr.decode() + machine.run("undo", "--list").stdout.decode()
    assert machine.json("tag", "list", "/a.txt") == []
