"""Giving a store back after its database is lost."""

from typing import Annotated

import typer

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.settings import load
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import STATE, AsJson, environment
from cloudconnect_cli.commands.upkeep import DamageFound
from cloudconnect_cli.i18n import _


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("recover", epilog=_("Example: cloudconnect recover --from-packs"))(recover)


def recover(
    from_packs: Annotated[
        bool, typer.Option("--from-packs", help=_("Make the database anew from the packs and the keyring."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give the store back when its database is lost; with the key in its place and no daemon running.

    The tree is as of the last catalog, at most 15 minutes old as a rule. What was stored after it lies in a folder
    “Recovered” of its space, without names. Exits with 7 if something could not be read.
    """
    from cloudconnect.offline import recover_from_packs  # noqa: PLC0415 - the whole house

    STATE.is_json = as_json
    if not from_packs:
        raise Invalid(
            N_("It is not said from what."),
            fix=N_("Recover with --from-packs, or from a backup: cloudconnect backup restore"),
        )
    is_shown = output.is_terminal() and not as_json

    def report(what: str, count: int) -> None:
        if is_shown:
            output.progress(f"{what} {count}")

    done = recover_from_packs(load(environ=environment()).settings, report)
    if is_shown:
        output.progress("")
    if as_json:
        output.document(done)
    else:
        output.hint(
            _("{chunks} chunks in {packs} packs are there again; {unnamed} contents lie in a folder Recovered.").format(
                chunks=done.chunks, packs=done.packs, unnamed=done.unnamed
            )
        )
    if done.damaged_packs or done.missing or done.unplaced:
        raise DamageFound(fix=N_("Start the daemon and run: cloudconnect scrub"))
