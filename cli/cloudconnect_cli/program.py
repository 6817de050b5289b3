"""The tree of commands, whole or with the one command that a person asked for."""

import importlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Annotated, Final

import typer

from cloudconnect_cli.commands.running import STATE
from cloudconnect_cli.describing import describe
from cloudconnect_cli.i18n import _

COMMANDS: Final = {
    "up": "serve",
    "init": "serve",
    "serve": "serve",
    "key": "key",
    "status": "appliance",
    "completion": "appliance",
    "doctor": "doctor",
    "facts": "facts",
    "config": "configuration",
    "login": "contexts",
    "logout": "contexts",
    "whoami": "contexts",
    "context": "contexts",
    "ls": "files",
    "tree": "files",
    "stat": "files",
    "cat": "files",
    "mkdir": "files",
    "mv": "files",
    "cp": "files",
    "rm": "removing",
    "restore": "removing",
    "trash": "trash",
    "undo": "history",
    "rollback": "history",
    "diff": "past",
    "snapshot": "past",
    "version": "retention",
    "policy": "retention",
    "brake": "brake",
    "find": "finding",
    "tag": "metadata",
    "field": "metadata",
    "fav": "metadata",
    "sum": "metadata",
    "touch": "metadata",
    "put": "transfer",
    "get": "transfer",
    "uploads": "uploads",
    "passwd": "accounts",
    "user": "accounts",
    "token": "accounts",
    "session": "accounts",
    "operations": "operations",
    "service": "service",
    "du": "space",
    "usage": "space",
    "space": "space",
    "lock": "lock",
    "storage": "storage",
    "gc": "upkeep",
    "scrub": "upkeep",
    "damaged": "upkeep",
    "repair": "upkeep",
    "backup": "backup",
    "recover": "recover",
}
"""The module below ``commands`` that each word after ``cloudconnect`` is in, in the order of the help."""


@cache
def whole() -> typer.Typer:
    """Return the program with every command, as help, completions and documents need it."""
    return program(dict.fromkeys(COMMANDS.values()))


def asked_for(arguments: Sequence[str]) -> typer.Typer:
    """Return a program that does for *arguments* what the whole one does.

    Loading every command takes about as long as running one, so only the module of the one that is named is loaded.
    """
    words = iter(arguments)
    for word in words:
        if word in COMMANDS:
            return program([COMMANDS[word]])
        if word == "--context":
            next(words, None)
        elif word != "--debug":
            break
    return whole()


def program(modules: Iterable[str]) -> typer.Typer:
    """Return a program with the commands of *modules*; it is made once in a process for each module."""
    app = typer.Typer(
        name="cloudconnect",
        no_args_is_help=True,
        invoke_without_command=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_("Your files, encrypted, versioned and yours."),
    )
    app.callback()(options)
    for name in modules:
        importlib.import_module(f"cloudconnect_cli.commands.{name}").register(app)
    describe(app)
    return app


def options(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help=_("Print the version and stop."))] = False,
    context: Annotated[str, typer.Option("--context", help=_("The appliance to speak to; see: context list."))] = "",
    debug: Annotated[bool, typer.Option("--debug", help=_("Show a trace when something unexpected happens."))] = False,
) -> None:
    """Take the options that stand before the command."""
    STATE.context, STATE.is_debug = context, debug
    if version:
        from cloudconnect_cli.commands.appliance import version as say_version  # noqa: PLC0415 - seldom asked for

        say_version()
        raise typer.Exit
