"""Looking at the settings."""

from pathlib import Path
from typing import Annotated

import typer

from cloudconnect.kernel.text import N_
from cloudconnect.settings import describe, load, render_example
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import STATE, AsJson, environment
from cloudconnect_cli.i18n import _

config = typer.Typer(no_args_is_help=True, help=_("The settings of this machine's appliance."))
File = Annotated[Path | None, typer.Option("--file", help=_("Look at this file instead."))]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    config.command("check", epilog=_("Example: cloudconnect config check --file new.toml"))(check)
    config.command("list", epilog=_("Example: cloudconnect config list"))(list_settings)
    config.command("explain", epilog=_("Example: cloudconnect config explain server.listen"))(explain)
    config.command("path", epilog=_("Example: cloudconnect config path"))(path)
    config.command("example", epilog=_("Example: cloudconnect config example > config.toml"))(example)
    app.add_typer(config, name="config")


def check(file: File = None, as_json: AsJson = False) -> None:
    """Say whether all settings are valid, and everything that is wrong with those that are not."""
    STATE.is_json = as_json
    loaded = load(environ=environment(), config=file)
    if as_json:
        output.document({"valid": True, "file": str(loaded.file or "")})
    else:
        output.hint(_("All settings are valid."))


def list_settings(file: File = None, as_json: AsJson = False) -> None:
    """List every setting with its value and where that comes from."""
    STATE.is_json = as_json
    origins = load(environ=environment(), config=file).origins
    if as_json:
        output.document(
            {key: {"value": each.value, "source": each.source, "place": each.place} for key, each in origins.items()}
        )
        return
    rows = [(key, str(each.value), f"{each.source} {each.place}".strip()) for key, each in origins.items()]
    output.table((N_("Setting"), N_("Value"), N_("From")), rows)


def explain(
    key: Annotated[str, typer.Argument(help=_("SECTION.KEY"))], file: File = None, as_json: AsJson = False
) -> None:
    """Tell what a setting means, its value, and where that comes from."""
    STATE.is_json = as_json
    text = describe(key)
    origin = load(environ=environment(), config=file).origins[key]
    if as_json:
        output.document(
            {"key": key, "help": text, "value": origin.value, "source": origin.source, "place": origin.place}
        )
        return
    output.data(f"{key} = {origin.value!r}")
    output.data(text)
    output.data(_("From: {source}").format(source=f"{origin.source} {origin.place}".strip()))


def path(as_json: AsJson = False) -> None:
    """Print which file is read, and the data directory."""
    loaded = load(environ=environment())
    if as_json:
        output.document({"file": str(loaded.file or ""), "home": str(loaded.settings.home)})
    else:
        output.data(str(loaded.file or _("no file; defaults")))
        output.data(str(loaded.settings.home))


def example(as_json: AsJson = False) -> None:
    """Print a file with every setting, its meaning and its default."""
    text = render_example()
    if as_json:
        output.document({"example": text})
    else:
        output.data(text.rstrip())
