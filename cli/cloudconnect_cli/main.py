"""The command line: ``cloudconnect NOUN VERB``."""

from typing import Annotated

import typer

from cloudconnect_cli.commands import (
    accounts,
    appliance,
    backup,
    brake,
    configuration,
    contexts,
    doctor,
    facts,
    files,
    finding,
    history,
    key,
    lock,
    metadata,
    operations,
    past,
    recover,
    removing,
    retention,
    serve,
    service,
    space,
    storage,
    transfer,
    upkeep,
    uploads,
)
from cloudconnect_cli.commands.running import COMPLETION, STATE, environment, guard
from cloudconnect_cli.describing import describe
from cloudconnect_cli.i18n import _

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


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help=_("Print the version and stop."))] = False,
    context: Annotated[str, typer.Option("--context", help=_("The appliance to speak to; see: context list."))] = "",
    debug: Annotated[bool, typer.Option("--debug", help=_("Show a trace when something unexpected happens."))] = False,
) -> None:
    """Take the options that stand before the command."""
    STATE.context, STATE.is_debug = context, debug
    if version:
        appliance.version()
        raise typer.Exit


for module in (
    serve,
    key,
    appliance,
    doctor,
    facts,
    configuration,
    contexts,
    files,
    removing,
    history,
    past,
    retention,
    brake,
    finding,
    metadata,
    transfer,
    uploads,
    accounts,
    operations,
    service,
    space,
    lock,
    storage,
    upkeep,
    backup,
    recover,
):
    module.register(app)

describe(app)


def main() -> None:
    """Run the command line; the entry point of the package."""
    if COMPLETION in environment():
        from typer._completion_classes import completion_init  # noqa: PLC0415 - only a shell asks; no public door

        completion_init()
    guard(lambda: app(standalone_mode=False))
