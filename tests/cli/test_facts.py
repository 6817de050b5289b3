"""Parked facts from the command line."""

import sqlite3
from contextlib import closing

import pytest

pytestmark = pytest.mark.slow


def park(home, listener, position):
    with closing(sqlite3.connect(home / "cloudconnect.db")) as database, database:
        database.execute("INSERT INTO parked VALUES (?, ?, 5, 'OSError()', 0)", (listener, position))


def test_parked_facts_are_listed_and_handled(machine, tmp_path):
    assert machine.json("facts", "list") == []
    machine.stop()
    park(tmp_path / "home", "sessions", 1)
    machine.start()

    (listed,) = machine.json("facts", "list")
    shown = machine.run("facts", "list")
    unsaid = machine.run("facts", "retry")
    done = machine.json("facts", "retry", "--all")
    again = machine.run("facts", "retry", listed["id"])

    assert (listed["id"], listed["listener"], listed["error"]) == ("1-sessions", "sessions", "OSError()")
    assert b"1-sessions" in shown.stdout
    assert unsaid.returncode == 2
    assert done == {"handled": ["1-sessions"]}
    assert again.returncode == 4
    assert machine.json("facts", "list") == []
