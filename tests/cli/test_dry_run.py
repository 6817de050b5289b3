"""What is only to be shown is only shown, and an option that would say nothing is refused."""

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def filled(machine, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("one", "two"):
        (tmp_path / "in" / name).write_text(name)
    assert machine.run("put", tmp_path / "in", "/").returncode == 0
    assert machine.run("mkdir", "/target").returncode == 0
    return machine


def everything(machine):
    return [machine.json("tree", "/"), machine.json("trash", "list"), machine.json("tag", "list")]


def test_moving_is_only_shown(filled):
    before = everything(filled)

    shown = filled.json("mv", "/in/one", "/in/two", "/target", "--dry-run")
    absent = filled.run("mv", "/in/three", "/target", "--dry-run")
    filled.run("cp", "/in/one", "/target")
    taken = filled.run("mv", "/in/one", "/target", "--dry-run")
    filled.run("undo")

    assert shown == [
        {"source": "/in/one", "target": "/target/one"},
        {"source": "/in/two", "target": "/target/two"},
    ]
    assert (absent.returncode, taken.returncode) == (4, 6)
    assert filled.run("mv", "/in/one", "/target", "--dry-run").stdout.decode() == "/in/one → /target/one\n"
    assert everything(filled)[0] == before[0]


def test_removing_is_only_shown(filled):
    before = everything(filled)

    shown = filled.run("rm", "-r", "/in", "--dry-run")

    assert shown.stdout == b"/in\n"
    assert b"2 files" in shown.stderr
    assert filled.json("rm", "-r", "/in", "--dry-run")[0]["logical_bytes"] == 6
    assert everything(filled) == before


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("tag", "add", "/in/one", "seen", "--dry-run"), id="tags on one path"),
        pytest.param(("tag", "remove", "/in/one", "seen", "--expect", "1"), id="a number of one path"),
        pytest.param(("tag", "add", "/in/one", "seen", "--space", "Photos"), id="a space beside a path"),
        pytest.param(("tag", "list", "/in/one", "--space", "Photos"), id="tags of a space and a path"),
        pytest.param(("mv", "/in/one", "/in/two", "--into", "/target"), id="a folder for paths"),
        pytest.param(("mv", "/in/one", "/in/three", "--expect", "1"), id="a number of paths"),
        pytest.param(("mv", "--where", "name:one", "--into", "/target", "--replace", "-y"), id="a selection replaces"),
        pytest.param(("mv", "--where", "name:one", "--into", "Photos:/", "-y"), id="a selection leaves its space"),
        pytest.param(
            ("restore", "/in/one", "--at", "3h", "--to", "/in/copy", "--keep-new"), id="a copy that keeps what is new"
        ),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(filled, words):
    before = everything(filled)

    done = filled.run(*words)

    assert done.returncode == 2, done.stderr
    assert everything(filled) == before
