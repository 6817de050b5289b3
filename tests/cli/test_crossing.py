"""Copying and moving between spaces on the command line, and a daemon that is killed meanwhile."""

import subprocess
import time

import pytest

from tests.cli.conftest import PROGRAM

pytestmark = pytest.mark.slow

COUNT = 1_100


@pytest.fixture
def spaces(machine):
    """Two spaces, beside one's own."""
    for name in ("Our Photos", "Family"):
        assert machine.run("space", "create", name).returncode == 0
    return machine


def test_cp_and_mv_go_from_space_to_space_and_back(spaces, tmp_path):
    machine = spaces
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "file").write_bytes(bytes(range(256)) * 1_000)
    (tmp_path / "in" / "one").write_bytes(b"one")
    assert machine.run("put", tmp_path / "in", "Our Photos:/").returncode == 0

    copied = machine.run("cp", "Our Photos:/in", "Family:/")
    assert copied.returncode == 0, copied.stderr
    assert b"cloudconnect undo spc_" in copied.stderr
    assert machine.run("cat", "Family:/in/deep/file").stdout == bytes(range(256)) * 1_000
    assert machine.run("cp", "Our Photos:/in", "Family:/in/deep/again").returncode == 0
    assert machine.run("cp", "Our Photos:/in/one", "Family:/in/one/x").returncode != 0

    (moved,) = machine.json("mv", "Our Photos:/in/one", "/mine")
    assert moved["entry"]["path"] == "/mine"
    assert machine.run("cat", "/mine").stdout == b"one"
    assert machine.run("cat", "Our Photos:/in/one").returncode != 0
    assert machine.run("undo", moved["source_undo"]).returncode == 0
    assert machine.run("undo", moved["undo"]).returncode == 0
    assert machine.run("cat", "Our Photos:/in/one").stdout == b"one"
    assert machine.run("cat", "/mine").returncode != 0


def read_all(machine, space):
    listed = machine.json("tree", f"{space}:/")
    return {each["path"]: each["sha256"] for each in listed if each["kind"] == "file"}


def test_a_daemon_that_is_killed_meanwhile_leaves_all_or_nothing_and_ends_it_later(spaces, tmp_path):
    machine = spaces
    (tmp_path / "many").mkdir()
    for number in range(COUNT):
        (tmp_path / "many" / str(number)).write_bytes(b"%d " % number * (number % 90))
    assert machine.run("put", tmp_path / "many", "Our Photos:/").returncode == 0
    before = read_all(machine, "Our Photos")
    assert len(before) == COUNT

    moving = subprocess.Popen(
        [PROGRAM, "mv", "Our Photos:/many", "Family:/many"],
        env=machine.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not [each for each in machine.json("operations", "list") if each["kind"] == "files.cross"]:
        time.sleep(0.01)
    machine.kill()
    moving.wait(60)
    machine.start()

    found = []
    for _ in range(600):
        here, there = read_all(machine, "Our Photos"), read_all(machine, "Family")
        found.append((len(here), len(there)))
        # It may end between the two looks, but neither is ever at a part of the tree.
        assert (here, there) in ((before, {}), ({}, before), (before, before)), found
        (operation,) = [each for each in machine.json("operations", "list") if each["kind"] == "files.cross"]
        if operation["state"] not in {"waiting", "running"}:
            break
    assert operation["state"] == "done", operation
    assert (read_all(machine, "Our Photos"), read_all(machine, "Family")) == ({}, before)
