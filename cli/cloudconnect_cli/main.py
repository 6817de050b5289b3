"""The command line: ``cloudconnect NOUN VERB``."""

from typing import Annotated

import typer

from cloudconnect_cli.commands import accounts, appliance, configuration, contexts, files, serve, service, transfer
from cloudconnect_cli.commands.running import STATE, guard
from cloudconnect_cli.i18n import _

app = typer.Typer(
    name="cloudconnect",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=_("Your files, encrypted, versioned and yours."),
)


@app.callback()
def options(
    context: Annotated[str, typer.Option("--context", help=_("The appliance to speak to; see: context list."))] = "",
    debug: Annotated[bool, typer.Option("--debug", help=_("Show a trace when something unexpected happens."))] = False,
) -> None:
    """Take the options that stand before the command."""
    STATE.context, STATE.is_debug = context, debug


for module in (serve, appliance, configuration, contexts, files, transfer, accounts, service):
    module.register(app)


def main() -> None:
    """Run the command line; the entry point of the package."""
    guard(lambda: app(standalone_mode=True))
