"""What the command line once did wrong, or did not do at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from cloudconnect_cli.commands.doctor import _compare_clocks
from cloudconnect_cli.program import whole

pytestmark = pytest.mark.slow

PROGRAM = str(Path(sys.executable).with_name("cloudconnect"))
WITHOUT_JSON = {"cat", "version show"}
"""What prints the bytes of a file has no answer of its own."""


def leaves(command, path=()):
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, each in sorted(command.commands.items()):
        yield from leaves(each, (*path, name))


def complete(machine, line, **options):
    asking = {
        "_CLOUDCONNECT_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = machine.run(environment=asking | options)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.split()


def test_every_command_answers_programs():
    for path, command in leaves(typer.main.get_command(whole())):
        options = {option for each in command.params for option in each.opts}
        assert ("--json" in options) == (path not in WITHOUT_JSON), path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_variable_it_asks_with(new_machine, shell):
    done = new_machine.run("completion", shell)
    assert done.returncode == 0
    assert b"_CLOUDCONNECT_COMPLETE" in done.stdout


def test_bash_accepts_its_completion_script(new_machine):
    script = new_machine.run("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, check=False).returncode == 0


def test_paths_of_the_appliance_are_completed(machine, tmp_path):
    (tmp_path / "plan.txt").write_text("1")
    machine.run("mkdir", "-p", "/photos/summer")
    machine.run("put", tmp_path / "plan.txt", "/")
    assert complete(machine, "cloudconnect ls /p") == [b"/photos/", b"/plan.txt"]
    assert complete(machine, "cloudconnect get /photos/") == [b"/photos/summer/"]
    assert complete(machine, "cloudconnect put here /pl") == [b"/plan.txt"]
    assert complete(machine, "cloudconnect put /p") == []
    assert complete(machine, "cloudconnect ls /p", CLOUDCONNECT_URL="http://127.0.0.1:9") == []


def test_completion_is_silent_when_nobody_answers(new_machine):
    assert complete(new_machine, "cloudconnect ls /") == []
    assert complete(new_machine, "cloudconnect ls /", CLOUDCONNECT_CONTEXT="unknown") == []


def test_a_store_opens_with_a_passphrase(new_machine, tmp_path):
    (tmp_path / "phrase").write_text("seven brave geese\n")
    assert new_machine.run("init", "--passphrase-file", tmp_path / "missing").returncode == 2
    kit = new_machine.run("init", "--passphrase-file", tmp_path / "phrase", "--json")
    assert json.loads(kit.stdout)["recovery_code"].startswith("CCR1-")
    assert not (tmp_path / "home.key").exists()
    new_machine.environment["CLOUDCONNECT_KEYS_PASSPHRASE_FILE"] = str(tmp_path / "phrase")
    new_machine.start()
    assert new_machine.json("status")["store_state"] == "ok"
    (tmp_path / "phrase").write_text("seven brave gulls\n")
    new_machine.stop()
    assert new_machine.run("serve").returncode == 12


def test_a_lone_name_that_is_no_text_is_listed(machine, tmp_path):
    bad = tmp_path / os.fsdecode(b"bad\xff")
    bad.touch()
    done = machine.run("put", bad, "/", "--json")
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 3
    assert (told["status"], [each["code"] for each in told["failures"]]) == ("failure", ["files.bad-path"])


def test_a_missing_password_file_is_said_plainly(new_machine, tmp_path):
    done = new_machine.run("login", "http://127.0.0.1:9", "--user", "a", "--password-file", tmp_path / "missing")
    assert done.returncode == 2
    assert b"cannot be read" in done.stderr


def test_a_full_disk_behind_standard_output_is_said_plainly(new_machine):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device, opened as a shell would
        done = subprocess.run(
            [PROGRAM, "version"], env=new_machine.environment, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 8
    assert done.stderr.count(b"\n") == 1


def test_names_are_one_part_of_an_address(machine):
    for arguments in (("user", "show", "../me"), ("token", "revoke", "../sessions/current"), ("ls", "spc_/../me:/")):
        assert machine.run(*arguments).returncode in {2, 4}, arguments


def test_the_doctor_looks_at_database_and_clock(machine):
    findings = {each["id"]: each for each in machine.json("doctor")}
    assert findings["database"]["evidence"].startswith("SQLite 3.")
    assert findings["clock"]["severity"] == "ok"
    assert _compare_clocks("Thu, 01 Jan 2015 00:00:00 GMT").severity == "warning"
