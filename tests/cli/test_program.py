"""Only the command that is asked for is loaded, and it is the same one."""

import subprocess
import sys

import pytest
import typer

from cloudconnect_cli.program import COMMANDS, asked_for, whole


def test_the_table_names_every_command_and_no_other():
    assert typer.main.get_command(whole()).commands.keys() == COMMANDS.keys()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["--help"], id="help"),
        pytest.param(["--help", "ls"], id="help before a command"),
        pytest.param(["lss"], id="a word that is no command"),
        pytest.param(["--context", "ls"], id="a context of that name"),
    ],
)
def test_whoever_names_no_command_is_shown_all_of_them(arguments):
    assert asked_for(arguments) is whole()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["ls"], id="a command"),
        pytest.param(["--context", "home", "ls", "/"], id="behind a context"),
        pytest.param(["--debug", "ls"], id="behind another option"),
    ],
)
@pytest.mark.slow
def test_a_command_is_loaded_alone(arguments):
    script = (
        "import sys; from cloudconnect_cli.program import asked_for; asked_for(sys.argv[1:]);"
        "loaded = [name for name in ('files', 'key') if f'cloudconnect_cli.commands.{name}' in sys.modules];"
        "sys.exit(loaded != ['files'])"
    )

    done = subprocess.run([sys.executable, "-c", script, *arguments], check=False)

    assert done.returncode == 0


@pytest.mark.parametrize("order", [1, -1], ids=["as in the help", "the other way"])
@pytest.mark.slow
def test_a_command_that_is_loaded_alone_is_as_in_the_whole(order):
    script = """
import sys
import typer
from cloudconnect_cli.program import COMMANDS, asked_for, whole

def leaves(command):
    return sorted(getattr(command, "commands", {}))

names = list(COMMANDS)[:: int(sys.argv[1])]
alone = {name: leaves(typer.main.get_command(asked_for([name])).commands[name]) for name in names}
together = {name: leaves(each) for name, each in typer.main.get_command(whole()).commands.items()}
sys.exit(str({name for name in names if alone[name] != together[name]}) if alone != together else 0)
"""
    done = subprocess.run([sys.executable, "-c", script, str(order)], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
