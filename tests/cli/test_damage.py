"""What is wrong with a data directory or its settings is said in a sentence, and nothing is lost by it."""

import contextlib
import os
import shutil
import subprocess

import apsw
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def stopped(machine, tmp_path):
    """Return a machine whose daemon was stopped after it had stored a file."""
    (tmp_path / "a.txt").write_text("kept")
    machine.run("put", tmp_path / "a.txt", "/")
    machine.stop()
    return machine


def add_newer_schema(home):
    connection = apsw.Connection(str(home / "cloudconnect.db"))
    connection.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_tomorrow', 'x')")
    connection.close()

    def mend():
        connection = apsw.Connection(str(home / "cloudconnect.db"))
        connection.execute("DELETE FROM schema_migration WHERE name = '9999_tomorrow'")
        connection.close()

    return mend


def overwrite(path):
    former = path.read_bytes()
    path.write_bytes(os.urandom(max(len(former), 20_000)))
    return lambda: path.write_bytes(former)


def spoil_settings(home):
    (home / "config.toml").write_text("[server\nlisten = 1")
    return (home / "config.toml").unlink


CASES = {
    "a newer release's data": (add_newer_schema, 9, b"newer"),
    "a broken keyring": (lambda home: overwrite(home / "keyring.db"), 7, b"keyring"),
    "another key": (lambda home: overwrite(home.with_name("home.key")), 12, b"key"),
    "settings that are no TOML": (spoil_settings, 2, b"not TOML"),
}


@pytest.mark.parametrize(("spoil", "code", "word"), CASES.values(), ids=CASES.keys())
def test_the_daemon_says_what_is_wrong_and_loses_nothing(stopped, spoil, code, word):
    mend = spoil(stopped.place / "home")
    done = stopped.run("serve")
    assert (done.returncode, word in done.stderr) == (code, True), done.stderr
    assert b"Traceback" not in done.stderr
    mend()
    stopped.start()
    assert stopped.run("cat", "/a.txt").stdout == b"kept"


def test_a_broken_database_is_told(stopped):
    for path in (stopped.place / "home").glob("cloudconnect.db*"):
        path.write_bytes(os.urandom(50_000))
    done = stopped.run("serve")
    assert (done.returncode, b"damaged" in done.stderr) == (9, True), done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_refuses_uploads_and_gives_everything_back(new_machine, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        new_machine.environment["CLOUDCONNECT_HOME"] = str(disk / "home")
        new_machine.environment["CLOUDCONNECT_STORAGE_LEAST_FREE_BYTES"] = str(16 << 20)
        new_machine.start()
        (tmp_path / "small").write_bytes(os.urandom(5_000_000))
        (tmp_path / "large").write_bytes(os.urandom(90_000_000))
        assert new_machine.run("put", tmp_path / "small", "/").returncode == 0
        refused = new_machine.run("put", tmp_path / "large", "/")
        assert (refused.returncode, b"room" in refused.stderr or b"free" in refused.stderr) == (3, True), refused.stderr
        filler = disk / "filler"
        filler.write_bytes(b"\0" * (shutil.disk_usage(disk).free - (8 << 20)))
        assert new_machine.run("put", tmp_path / "small", "/again").returncode == 3
        assert new_machine.run("cat", "/small").stdout == (tmp_path / "small").read_bytes()
        assert new_machine.run("rm", "/small").returncode == 0
        assert new_machine.run("restore", "/small").returncode == 0
        filler.unlink()
        assert new_machine.run("put", tmp_path / "small", "/again").returncode == 0
    finally:
        if new_machine.process is not None:
            new_machine.stop()
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_when_something_else_fills_the_disk_to_the_last_byte_deleting_still_works(new_machine, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        new_machine.environment["CLOUDCONNECT_HOME"] = str(disk / "home")
        new_machine.environment["CLOUDCONNECT_STORAGE_LEAST_FREE_BYTES"] = "1000000"
        new_machine.start()
        (tmp_path / "tree").mkdir()
        for number in range(300):
            (tmp_path / "tree" / f"{number}").write_bytes(b"words")
        assert new_machine.run("put", tmp_path / "tree", "/").returncode == 0
        ballast = disk / "home" / "ballast"
        ballast.write_bytes(b"\0" * (8 << 20))
        filler = disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
        removed = [new_machine.run("rm", f"/tree/{number}").returncode for number in range(0, 60, 2)]
        assert set(removed) == {0}
        assert not ballast.exists()
        assert new_machine.run("put", tmp_path / "tree", "/again").returncode == 0
    finally:
        if new_machine.process is not None:
            new_machine.stop()
        subprocess.run(["umount", disk], check=True)
