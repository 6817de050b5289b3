"""How this machine's appliance fares."""

from typing import Annotated

import typer

from cloudconnect import __version__
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire.shape import Status
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import COMPLETION, STATE, AsJson, ask
from cloudconnect_cli.i18n import _, counted

_SHELLS = ("bash", "zsh", "fish")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("status", epilog=_("Example: cloudconnect status --json"))(status)
    app.command("completion", epilog=_("Example: cloudconnect completion bash > /etc/bash_completion.d/cloudconnect"))(
        completion
    )


def status(as_json: AsJson = False) -> None:
    """Tell how the appliance fares; for its administrator."""
    found = ask(lambda client: client.ask("GET", "/status", Status), as_json=as_json)
    if as_json:
        output.document(found)
        return
    facts = [
        (_("Version"), found.version),
        (_("Running since"), output.local_time(found.started)),
        (_("Store"), _store(found)),
        (_("Free"), format_bytes(found.free_bytes)),
        (_("Database"), _database(found)),
        (_("Users"), str(found.users)),
        (_("Spaces"), str(found.spaces)),
        (_("Parked facts"), str(found.parked)),
        (_("Damaged"), _damaged(found)),
        (_("Storages away"), ", ".join(found.away) or _("none")),
    ]
    width = max(len(name) for name, _value in facts)
    for name, value in facts:
        output.data(f"{name:{width}}  {value}")


def _store(found: Status) -> str:
    size = format_bytes(found.stored_bytes)
    sentence = _("{storage}: {state}, {packs} packs, {size}")
    return sentence.format(storage=found.storage, state=found.store_state, packs=found.packs, size=size)


def _damaged(found: Status) -> str:
    if not (found.damaged_packs or found.damaged_chunks):
        return _("nothing that is known of")
    sentence = _("{files} ({packs}, {chunks}); see: cloudconnect damaged")
    return sentence.format(
        files=counted("{count} file", "{count} files", found.damaged_files),
        packs=counted("{count} pack", "{count} packs", found.damaged_packs),
        chunks=counted("{count} chunk", "{count} chunks", found.damaged_chunks),
    )


def _database(found: Status) -> str:
    sentence = _("{database}, schema {schema}, position {position}")
    sentence = sentence.format(database=found.database, schema=found.schema, position=found.position)
    return sentence if found.database_check in {"", "ok"} else _("{database}: damaged").format(database=sentence)


def version(as_json: AsJson = False) -> None:
    """Print the version of this program."""
    if as_json:
        output.document({"version": __version__})
    else:
        output.data(f"CloudConnect {__version__}")


def completion(shell: Annotated[str, typer.Argument(help=_("bash, zsh or fish"))], as_json: AsJson = False) -> None:
    """Print a script that completes commands in a shell."""
    from typer._completion_shared import get_completion_script  # noqa: PLC0415 - only needed here; no public door

    STATE.is_json = as_json
    if shell not in _SHELLS:
        raise Invalid(N_("“{shell}” is not a shell we know."), fix=N_("Use bash, zsh or fish."), shell=shell)
    script = get_completion_script(prog_name="cloudconnect", complete_var=COMPLETION, shell=shell)
    if as_json:
        output.document({"shell": shell, "script": script})
    else:
        output.data(script)
