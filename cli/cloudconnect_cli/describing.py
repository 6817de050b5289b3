"""What ``--help`` says, in the language of the terminal; the description of a command is the docstring of its function.

Some texts of Typer itself go through gettext, in the domain of the process; the others are said here.
"""

import gettext
import inspect
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.models import CommandInfo, TyperInfo

from cloudconnect.kernel.text import N_
from cloudconnect_cli.i18n import _

if TYPE_CHECKING:
    # Typer has no public names for what it hands to the methods that a command may override.
    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter

WORDS_OF_TYPER: Final = (
    N_("Arguments"),
    N_("Commands"),
    N_("Missing command."),
    N_("Options"),
    N_("default: {default}"),
    N_("env var: {var}"),
    N_("required"),
)
"""What Typer asks gettext for."""


class SpokenCommand(TyperCommand):
    """A command whose help is said in the language of the terminal throughout."""

    def format_usage(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the line that begins the help."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix=_("Usage: "))

    def get_help_option(self, ctx: "Context") -> TyperOption | None:
        """Return the option that prints the help."""
        return _spoken(super().get_help_option(ctx))


class SpokenGroup(TyperGroup):
    """A group of commands, likewise."""

    def format_usage(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the line that begins the help."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix=_("Usage: "))

    def get_help_option(self, ctx: "Context") -> TyperOption | None:
        """Return the option that prints the help."""
        return _spoken(super().get_help_option(ctx))


def find_descriptions(app: typer.Typer) -> Iterator[str]:
    """Yield the description of every command of *app*, in English; it is what catalogues translate."""
    for info in _commands(app):
        yield _description(info)


def describe(app: typer.Typer) -> None:
    """Have every command of *app* say its help in the language of the terminal."""
    gettext.bindtextdomain("cloudconnect", str(resources.files("cloudconnect") / "locale"))
    gettext.textdomain("cloudconnect")
    for info in _commands(app):
        info.help, info.cls = _(_description(info)), SpokenCommand
        info.options_metavar = _("[OPTIONS]")
    for group in _groups(app):
        group.cls, group.options_metavar = SpokenGroup, _("[OPTIONS]")
        group.subcommand_metavar = _("COMMAND [ARGS]...")


def _commands(app: typer.Typer) -> Iterator[CommandInfo]:
    yield from app.registered_commands
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance)


def _groups(app: typer.Typer) -> Iterator[TyperInfo]:
    """Yield whatever says how *app*, and each group in it, is shown: Typer takes the first that says anything."""
    yield app.info
    if app.registered_callback is not None:
        yield app.registered_callback
    for group in app.registered_groups:
        yield group
        if group.typer_instance is not None:
            yield from _groups(group.typer_instance)


def _description(info: CommandInfo) -> str:
    """Return the docstring of a command, each paragraph on a line, as translators want it."""
    paragraphs = (inspect.getdoc(info.callback) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _spoken(option: TyperOption | None) -> TyperOption | None:
    if option is not None:
        option.help = _("Show this message and exit.")
    return option
