"""What --help says, and in which language."""

import importlib.util
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cloudconnect_cli import describing
from cloudconnect_cli.describing import describe, find_descriptions
from cloudconnect_cli.program import whole

MESSAGES = Path(__file__).parents[2] / ".ci/messages.py"


@pytest.fixture
def marked(monkeypatch):
    """Have everything that is translated stand in marks."""
    monkeypatch.setattr(describing, "_", lambda message: f"«{message}»")


@pytest.fixture
def small(marked):
    def drink(cold: bool = False) -> None:
        """Drink a glass
        of water.

        It is good for you.
        """

    def eat() -> None:
        """Eat an apple."""

    inner = typer.Typer(help="Meals.")
    inner.command("eat")(eat)
    outer = typer.Typer(rich_markup_mode=None, add_completion=False)
    outer.command("drink")(drink)
    outer.add_typer(inner, name="meal")
    describe(outer)
    return outer


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["drink", "--help"], ["«Drink a glass of water.", "It is good for you.»"], id="a command"),
        pytest.param(["--help"], ["«Drink a glass of water.", "«COMMAND [ARGS]...»"], id="a list of commands"),
        pytest.param(["meal", "--help"], ["«Eat an apple.»"], id="a list below a noun"),
        pytest.param(["meal", "eat", "--help"], ["«Eat an apple.»"], id="a command below a noun"),
    ],
)
def test_help_is_said_in_the_language_of_the_terminal(small, arguments, said):
    shown = CliRunner().invoke(small, arguments).stdout

    assert all(each in shown for each in said), shown
    assert all(each in shown for each in ("«Usage: »", "«[OPTIONS]»", "«Show this message and exit.»")), shown


def test_every_command_says_what_it_does_in_sentences():
    descriptions = list(find_descriptions(whole()))

    assert len(descriptions) > 100
    assert all(each[0].isupper() and each.endswith(".") for each in descriptions)


@pytest.mark.slow
def test_the_description_of_every_command_is_in_the_catalogues():
    spec = importlib.util.spec_from_file_location("messages", MESSAGES)
    messages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(messages)

    template = messages.extract()

    assert {*find_descriptions(whole()), *describing.WORDS_OF_TYPER} <= {message.id for message in template}
