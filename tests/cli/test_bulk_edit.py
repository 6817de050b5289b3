"""Edits in bulk on the command line, and a daemon that is killed while one is under way."""

import subprocess
import time

import pytest

from tests.cli.conftest import PROGRAM

pytestmark = pytest.mark.slow

COUNT = 4_100


@pytest.fixture
def many(machine, tmp_path):
    (tmp_path / "many").mkdir()
    for number in range(COUNT):
        (tmp_path / "many" / str(number)).write_bytes(b"")
    assert machine.run("put", tmp_path / "many", "/").returncode == 0
    return machine


def left(machine):
    return len(machine.json("ls", "/many"))


def edits(machine):
    return [each for each in machine.json("operations", "list") if each["kind"] == "files.edit"]


def test_a_daemon_that_is_killed_meanwhile_goes_on_and_all_of_it_is_one_undo(many):
    removing = subprocess.Popen(
        [PROGRAM, "rm", "-y", "--where", "path:/many/*", "--expect", str(COUNT)],
        env=many.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not edits(many):
        time.sleep(0.01)
    many.kill()
    removing.wait(60)
    many.start()
    for _ in range(600):
        (operation,) = edits(many)
        if operation["state"] not in {"waiting", "running"}:
            break
        time.sleep(0.05)
    assert (operation["state"], operation["result"]["done"], operation["result"]["passed_over"]) == ("done", COUNT, 0)
    assert left(many) == 0
    assert many.run("undo", operation["result"]["undo"]).returncode == 0
    assert left(many) == COUNT


def test_the_command_waits_for_it_and_says_how_to_take_it_back(many):
    moved = many.json("mv", "--where", "path:/many/*", "--into", "/", "-y")
    assert (moved["done"], left(many)) == (COUNT, 0)
    assert many.run("undo", moved["undo"]).returncode == 0
    assert left(many) == COUNT
    tagged = many.run("tag", "add", "archived", "--where", "path:/many/*", "-y")
    assert tagged.returncode == 0, tagged.stderr
    assert b"cloudconnect undo spc_" in tagged.stderr
