"""What the trash may hold, said and tried on the command line."""

import subprocess

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


def test_versions_go_when_asked_and_not_before(machine, tmp_path):
    for content in ("one", "second", "thirds"):
        (tmp_path / "a.txt").write_text(content)
        assert machine.run("put", tmp_path / "a.txt", "/").returncode == 0
    machine.run("policy", "set", "--versions", "never *.txt")

    planned = machine.json("version", "prune", "--dry-run")
    unasked = machine.run("version", "prune", stdin=subprocess.DEVNULL)
    kept = machine.json("version", "list", "/a.txt")
    done = machine.json("version", "prune", "--yes")

    assert planned == done == {"versions": 2, "files": 1, "bytes": 9}
    assert unasked.returncode == 14
    assert all(each["pruned"] is None for each in kept)
    assert [each["pruned"] is None for each in machine.json("version", "list", "/a.txt")] == [True, False, False]
    assert said(machine, "cat", "/a.txt") == "thirds"
    assert said(machine, "version", "prune") == "Would go: 0 versions of 0 files, 0 B.\n"


def test_who_does_not_manage_a_space_prunes_nothing_in_it(machine):
    assert machine.run("version", "prune", "--space", "Nobody's", "--yes").returncode == 4
    machine.run("space", "create", "Old")
    machine.run("space", "archive", "Old")
    assert machine.run("version", "prune", "--space", "Old", "--yes").returncode == 0
