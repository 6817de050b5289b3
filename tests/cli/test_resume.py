"""A transfer that was broken off goes on with the same command, and one whose daemon was killed goes on by itself."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = str(Path(sys.executable).with_name("cloudconnect"))
LARGE = 150_000_000


def begin(machine, *arguments):
    command = [PROGRAM, *map(str, arguments), "--json"]
    return subprocess.Popen(command, env=machine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_until(is_so, process):
    """Return once *is_so* while *process* is still running."""
    until = time.monotonic() + 30
    while not is_so():
        assert process.poll() is None, "it was over before it could be broken off"
        assert time.monotonic() < until
        time.sleep(0.002)


def result(output):
    return json.loads(output.splitlines()[-1])


@pytest.fixture
def large(tmp_path):
    """Return a file that takes a while."""
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1_000_000) * (LARGE // 1_000_000))
    return path


def test_a_download_that_was_broken_off_fetches_only_the_rest(machine, large, tmp_path):
    assert machine.run("put", large, "/large").returncode == 0
    back = tmp_path / "back"
    back.mkdir()
    getting = begin(machine, "get", "/large", back)
    wait_until(lambda: any(path.stat().st_size > 1_000_000 for path in back.glob("*.part")), getting)
    getting.send_signal(signal.SIGINT)
    getting.communicate(timeout=30)
    assert getting.returncode == 130
    (part,) = back.iterdir()
    have = part.stat().st_size
    assert 0 < have < LARGE

    done = machine.run("get", "/large", back, "--json")

    assert done.returncode == 0, done.stderr
    assert result(done.stdout)["sent_bytes"] == LARGE - have
    assert [path.name for path in back.iterdir()] == ["large"]
    assert (back / "large").read_bytes() == large.read_bytes()


def test_an_interrupted_put_sends_only_the_rest(machine, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(2_000):
        (tree / str(number)).write_bytes(os.urandom(2_000))
    database = tmp_path / "home" / "cloudconnect.db-wal"
    before = database.stat().st_size
    putting = begin(machine, "put", tree, "/")
    wait_until(lambda: database.stat().st_size > before + 1_000_000, putting)
    putting.send_signal(signal.SIGINT)
    putting.communicate(timeout=30)
    assert putting.returncode == 130

    done = machine.run("put", tree, "/", "--json")

    assert done.returncode == 0, done.stderr
    told = result(done.stdout)
    assert told["status"] == "success"
    assert told["sent_bytes"] == 2_000 * (2_000 - told["skipped_files"])
    assert told["skipped_files"] > 0
    assert machine.json("du", "/tree")[0]["files"] == 2_000


def received(machine):
    """Return how many bytes of the one upload in progress the daemon has acknowledged, 0 if there is none."""
    with sqlite3.connect(f"file:{machine.place}/home/cloudconnect.db?mode=ro", uri=True) as database:
        row = database.execute("SELECT received FROM upload WHERE state = 'open'").fetchone()
    return row[0] if row else 0


def test_an_interrupted_large_file_goes_on_with_what_was_not_acknowledged(machine, large):
    putting = begin(machine, "put", large, "/large")
    wait_until(lambda: received(machine) > 20_000_000, putting)
    putting.send_signal(signal.SIGINT)
    putting.communicate(timeout=30)
    assert putting.returncode == 130
    acknowledged = received(machine)
    notes = machine.place / ".local" / "state" / "cloudconnect" / "uploads"
    (note,) = notes.iterdir()
    assert note.stat().st_mode & 0o777 == 0o600

    done = machine.run("put", large, "/large", "--json")

    assert done.returncode == 0, done.stderr
    assert 0 < result(done.stdout)["sent_bytes"] <= LARGE - acknowledged
    assert list(notes.iterdir()) == []
    assert machine.json("ls", "/large")[0]["sha256"] == hashlib.sha256(large.read_bytes()).hexdigest()


def test_an_upload_that_was_broken_off_is_listed_and_can_be_given_up(machine, large):
    putting = begin(machine, "put", large, "/large")
    wait_until(lambda: received(machine) > 0, putting)
    putting.kill()
    putting.communicate(timeout=30)

    (upload,) = machine.json("uploads", "list")
    assert (upload["path"], upload["length"]) == ("/large", LARGE)
    assert upload["id"].encode() in machine.run("uploads", "list").stdout
    assert machine.run("uploads", "remove", upload["id"]).returncode == 0
    assert machine.json("uploads", "list") == []
    assert machine.run("uploads", "remove", upload["id"]).returncode == 4
    assert machine.run("put", large, "/large").returncode == 0


def test_a_large_file_outlives_a_daemon_that_is_killed(machine, large, tmp_path):
    putting = begin(machine, "put", large, "/large")
    wait_until(lambda: received(machine) > 20_000_000, putting)
    machine.kill()
    acknowledged = received(machine)
    machine.start()
    output, said = putting.communicate(timeout=90)

    assert putting.returncode == 0, said
    assert result(output)["status"] == "success"
    assert LARGE <= result(output)["sent_bytes"] <= 2 * LARGE - acknowledged
    assert machine.run("get", "/large", tmp_path / "back").returncode == 0
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
