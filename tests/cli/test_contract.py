"""What scripts rely on: help, streams, JSON and exit codes."""

import json
import os
import signal
import subprocess

import pytest
import typer.main

from cloudconnect.kernel import errors
from cloudconnect_cli.exits import EXIT, exit_code
from cloudconnect_cli.program import whole

pytestmark = pytest.mark.slow


def leaves(command, path=()):
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, each in sorted(command.commands.items()):
        yield from leaves(each, (*path, name))


LEAVES = list(leaves(typer.main.get_command(whole())))


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_has_a_sentence_and_an_example(path, command):
    assert command.help
    assert command.epilog.startswith("Example: "), path
    assert " ".join(path) in command.epilog, path


@pytest.mark.parametrize(
    "kind",
    [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and each.__module__ == errors.__name__ and each is not errors.CloudConnectError
    ],
)
def test_every_kind_of_refusal_has_an_exit_code(kind):
    assert kind in EXIT
    assert exit_code(kind()) == EXIT[kind]


def test_exit_codes_tell_scripts_what_happened(machine, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("one")
    wrong = {"CLOUDCONNECT_URL": machine.url}
    cases = [
        (("put", file, "/"), {}, 0),
        (("ls", "--nonsense"), {}, 2),
        (("put", "only-one"), {}, 2),
        (("stat", "/nothing"), {}, 4),
        (("put", tmp_path / "nothing", "/"), {}, 4),
        (("whoami",), wrong, 5),
        (("mkdir", "/a.txt"), {}, 6),
        (("ls",), {"CLOUDCONNECT_URL": "http://127.0.0.1:9"}, 9),
        (("serve",), {"CLOUDCONNECT_HOME": str(tmp_path / "none")}, 10),
        (("serve",), {}, 11),
        (("config", "check"), {"CLOUDCONNECT_LISTN": "x"}, 2),
        (("cat", "/a.txt"), {}, 0),
    ]
    for arguments, environment, code in cases:
        done = machine.run(*arguments, environment=environment, stdin=subprocess.DEVNULL)
        assert done.returncode == code, (arguments, done.stderr)
        assert b"Traceback" not in done.stderr, arguments
        assert b"\x1b[" not in done.stdout + done.stderr, arguments


def test_json_is_json_in_success_and_in_failure(machine, tmp_path):
    (tmp_path / "a.txt").write_text("one")
    machine.run("put", tmp_path / "a.txt", "/")
    for arguments in (
        ("ls", "/"),
        ("tree", "/"),
        ("stat", "/a.txt"),
        ("du",),
        ("whoami",),
        ("status",),
        ("trash", "list"),
        ("user", "list"),
        ("token", "list"),
        ("session", "list"),
        ("config", "list"),
        ("version",),
        ("doctor",),
    ):
        machine.json(*arguments)
    assert machine.json("token", "create", "backup")["token"].startswith("ccp_")
    done = machine.run("stat", "/nothing", "--json")
    assert json.loads(done.stderr)["code"] == "files.not-found"
    assert (
        machine.run("put", tmp_path / "a.txt", "/b.txt", "--json")
        .stdout.splitlines()[-1]
        .startswith(b'{"type":"result"')
    )


def test_removing_a_folder_asks_and_the_trash_gives_it_back(machine):
    assert machine.run("mkdir", "-p", "/a/b").returncode == 0
    assert machine.run("rm", "/a").returncode == 6
    assert machine.run("rm", "-r", "/a", stdin=subprocess.DEVNULL).returncode == 14
    assert machine.run("ls", "/").stdout == b"a/\n"
    assert machine.run("rm", "-r", "/a", "--yes").returncode == 0
    assert machine.run("restore", "/a").returncode == 0
    assert machine.run("ls", "/a").stdout == b"b/\n"


def test_a_reader_who_has_enough_is_no_error(machine, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(20_000_000))
    machine.run("put", tmp_path / "big", "/")
    command = f"{machine.run.__globals__['PROGRAM']} cat /big | head -c 10"
    shell = ["bash", "-o", "pipefail", "-c", command]
    done = subprocess.run(shell, env=machine.environment, capture_output=True, check=False)
    assert len(done.stdout) == 10
    assert done.returncode in {0, 141}
    assert done.stderr == b""


def test_signing_in_over_http_makes_a_context(machine, tmp_path):
    elsewhere = {name: value for name, value in machine.environment.items() if not name.startswith("CLOUDCONNECT_")}
    machine.environment = elsewhere
    assert (
        machine.run("login", machine.url, "--user", "admin", "--password-file", tmp_path / "password").returncode == 0
    )
    assert machine.json("whoami")["user"]["name"] == "admin"
    assert (tmp_path / ".config/cloudconnect/contexts.json").stat().st_mode & 0o077 == 0
    assert machine.run("logout").returncode == 0
    assert machine.json("context", "list") == {"current": "", "contexts": []}


def test_the_recovery_kit_and_the_key_are_for_their_owner_alone(new_machine, tmp_path):
    done = new_machine.run("init", "--recovery-kit", tmp_path / "kit.txt")
    assert done.returncode == 0
    for path in (tmp_path / "kit.txt", tmp_path / "home.key", tmp_path / "home"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert new_machine.run("init").returncode == 6
    (tmp_path / "home.key").write_bytes(os.urandom(32))
    assert new_machine.run("serve").returncode == 12


def test_an_interrupted_command_says_that_it_goes_on(machine, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(300_000_000))
    putting = subprocess.Popen(
        [machine.run.__globals__["PROGRAM"], "put", str(tmp_path / "big"), "/", "--progress", "json"],
        env=machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    putting.stdout.readline()
    putting.send_signal(signal.SIGINT)
    _, said = putting.communicate(timeout=30)
    if putting.returncode != 0:
        assert putting.returncode == 130
        assert b"goes on where it stopped" in said


def test_the_recovery_code_opens_a_store_whose_key_is_lost(new_machine, tmp_path):
    kit = new_machine.json("init")
    assert new_machine.run("key", "recover", input=kit["recovery_code"].encode()).returncode == 6
    (tmp_path / "home.key").unlink()
    assert new_machine.run("serve").returncode == 12
    mistyped = kit["recovery_code"][:-1] + ("0" if kit["recovery_code"][-1] != "0" else "1")
    assert new_machine.run("key", "recover", input=mistyped.encode()).returncode == 12
    assert new_machine.run("key", "recover", input=kit["recovery_code"].lower().encode()).returncode == 0
    assert (tmp_path / "home.key").stat().st_mode & 0o077 == 0
    new_machine.start()
    assert new_machine.json("whoami")["user"]["name"] == "admin"


def test_a_passphrase_opens_a_store_that_was_made_with_one(new_machine, tmp_path):
    (tmp_path / "passphrase").write_text("a rather long sentence\n")
    new_machine.environment["CLOUDCONNECT_KEYS_PASSPHRASE_FILE"] = str(tmp_path / "passphrase")
    assert new_machine.run("init").returncode == 0
    assert not (tmp_path / "home.key").exists()
    new_machine.start()
    new_machine.stop()
    (tmp_path / "passphrase").write_text("another sentence\n")
    assert new_machine.run("serve").returncode == 12
