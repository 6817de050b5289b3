"""The stand-alone script gets everything out of what the product wrote, and says what it could not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.slow


def recover(*arguments, script="recover.py"):
    """Run a script where CloudConnect cannot be imported."""
    program = (
        "import runpy, sys\n"
        "class No:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('cloudconnect'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, No())\n"
        f"sys.path[0] = {str(DEPLOY)!r}\n"
        f"sys.argv = [{script!r}, *{[str(each) for each in arguments]!r}]\n"
        f"runpy.run_path({str(DEPLOY / script)!r}, run_name='__main__')\n"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=120)


def contents(top):
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


@pytest.fixture
def filled(machine, tmp_path):
    """A machine with a tree, of which one file has changed and one is in the trash; and the tree."""
    tree = tmp_path / "tree"
    (tree / "Ordner ü" / "leer").mkdir(parents=True)
    (tree / "Ordner ü" / "größe.txt").write_text("Übung " * 1_000)
    (tree / "empty").touch()
    (tree / "large").write_bytes(os.urandom(9_000_000) + bytes(2_000_000))
    for number in range(60):
        (tree / f"small {number}").write_bytes(os.urandom(1 + number * 70))
    os.utime(tree / "large", ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    assert machine.run("put", tree, "/").returncode == 0
    (tree / "small 5").write_bytes(b"another version")
    assert machine.run("put", tree, "/").returncode == 0
    assert machine.run("rm", "/tree/small 6").returncode == 0
    (tree / "small 6").unlink()
    return machine, tree


def own_space(machine):
    (space,) = (each["space"] for each in machine.json("space", "quota"))
    return space


def test_everything_comes_out_of_a_data_directory_and_of_a_backup(filled, tmp_path):
    machine, tree = filled
    space, key = own_space(machine), tmp_path / "home.key"
    code = machine.json("key", "rotate", "code")["recovery_code"]
    (tmp_path / "code").write_text(code.lower())
    assert machine.run("backup", "create", tmp_path / "backups").returncode == 0
    machine.kill()

    for source, *way in (
        (tmp_path / "home", "--key-file", key),
        (tmp_path / "backups", "--key-file", key),
        (tmp_path / "backups", "--code-file", tmp_path / "code"),
    ):
        into = tmp_path / f"out {os.urandom(4).hex()}"
        done = recover("restore", source, into, *way)
        assert done.returncode == 0, done.stderr
        assert contents(into / space / "tree") == contents(tree)
        assert (into / space / "tree" / "large").stat().st_mtime_ns == 1_700_000_000_123_456_789
        again = recover("restore", source, into, *way)
        assert (again.returncode, b"already" in again.stderr) == (1, True)
    listed = recover("list", tmp_path / "home", "--key-file", key)
    assert listed.stdout.count(b"\n") == 62
    part = recover("restore", tmp_path / "home", tmp_path / "part", "--path", "/tree/Ordner ü", "--key-file", key)
    assert part.returncode == 0, part.stderr
    assert list(contents(tmp_path / "part")) == [f"{space}/tree/Ordner ü/größe.txt"]


def test_contents_come_out_without_a_database_and_without_footers(filled, tmp_path):
    machine, tree = filled
    machine.stop()
    for path in (tmp_path / "home").glob("cloudconnect.db*"):
        path.unlink()
    wanted = set(contents(tree).values()) - {b""}

    whole = recover(
        "restore", tmp_path / "home", tmp_path / "a", "--key-file", tmp_path / "home.key", script="salvage.py"
    )
    for pack in (tmp_path / "home" / "packs").rglob("*"):
        if pack.is_file():
            data = pack.read_bytes()
            pack.write_bytes(data[:-60] + bytes(60))
    cut = recover(
        "restore", tmp_path / "home", tmp_path / "b", "--key-file", tmp_path / "home.key", script="salvage.py"
    )

    assert (whole.returncode, cut.returncode) == (0, 0), whole.stderr + cut.stderr
    for out in (tmp_path / "a", tmp_path / "b"):
        assert wanted <= set(contents(out).values())


def test_what_is_damaged_is_named_and_never_written(filled, tmp_path):
    machine, tree = filled
    space = own_space(machine)
    machine.stop()
    for pack in (tmp_path / "home" / "packs").rglob("*"):
        if pack.is_file() and pack.stat().st_size > 5_000_000:
            data = bytearray(pack.read_bytes())
            data[4_000_000] ^= 1
            pack.write_bytes(data)

    done = recover("restore", tmp_path / "home", tmp_path / "out", "--key-file", tmp_path / "home.key")

    assert (done.returncode, done.stderr.count(b"\n"), b"/tree/large" in done.stderr) == (1, 1, True), done.stderr
    expected = {name: data for name, data in contents(tree).items() if name != "large"}
    assert contents(tmp_path / "out" / space / "tree") == expected


def test_a_wrong_key_and_a_wrong_place_are_told(filled, tmp_path):
    filled[0].stop()
    (tmp_path / "wrong").write_bytes(os.urandom(32))

    wrong = recover("restore", tmp_path / "home", tmp_path / "out", "--key-file", tmp_path / "wrong")
    nowhere = recover("list", tmp_path, "--key-file", tmp_path / "wrong")

    assert (wrong.returncode, b"does not open" in wrong.stderr) == (1, True)
    assert (nowhere.returncode, b"holds neither" in nowhere.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script", ["recover.py", "salvage.py"])
def test_each_script_is_short_enough_to_be_read(script):
    assert len((DEPLOY / script).read_text().splitlines()) <= 300
