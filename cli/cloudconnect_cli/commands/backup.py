"""Backups: make them, list them, prove them, restore them."""

from pathlib import Path
from typing import Annotated

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.settings import load
from cloudconnect.wire import backup as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.operations import Detach, run
from cloudconnect_cli.commands.running import STATE, AsJson, ask, environment, read_password
from cloudconnect_cli.commands.upkeep import tell_of_damage
from cloudconnect_cli.i18n import _

PlacePath = Annotated[Path, typer.Argument(help=_("The directory that holds the backups, on the server."))]
Id = Annotated[str, typer.Option("--id", help=_("Which backup; the newest unless it is named."))]

backup = typer.Typer(no_args_is_help=True, help=_("Backups of the whole appliance."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    backup.command("create", epilog=_("Example: cloudconnect backup create /mnt/backup"))(backup_create)
    backup.command("list", epilog=_("Example: cloudconnect backup list /mnt/backup"))(backup_list)
    backup.command("verify", epilog=_("Example: cloudconnect backup verify /mnt/backup --full"))(backup_verify)
    backup.command("restore", epilog=_("Example: cloudconnect backup restore /mnt/backup"))(backup_restore)
    app.add_typer(backup, name="backup")


def backup_create(place: PlacePath, detach: Detach = False, as_json: AsJson = False) -> None:
    """Copy what the directory lacks, while the appliance is used, and write down a backup as of now."""
    ended = run("backup.create", {"to": str(place.absolute())}, detach=detach, as_json=as_json)
    tell_of_damage(ended.result, "damaged_packs")


def backup_list(place: PlacePath, as_json: AsJson = False) -> None:
    """List the backups in a directory, oldest first."""

    async def act(client: Client) -> list[wire.Backup]:
        return await client.ask("GET", "/backups", list[wire.Backup], query={"place": str(place.absolute())})

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(each.id, _made(each), format_bytes(each.bytes), str(each.position)) for each in found]
    output.table([_("Id"), _("Made"), " " + _("Size"), " " + _("Position")], rows)


def _made(each: wire.Backup) -> str:
    return output.local_time(each.created) if each.created else _("unreadable")


def backup_verify(
    place: PlacePath,
    identifier: Id = "",
    full: Annotated[bool, typer.Option("--full", help=_("Read every version, not five of a hundred."))] = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a scratch place and compare it: packs, database, and the content of versions."""
    parameters = {"from": str(place.absolute()), "id": identifier, "sample": "100" if full else "5"}
    run("backup.verify", parameters, detach=detach, as_json=as_json)


def backup_restore(
    place: PlacePath,
    identifier: Id = "",
    code_file: Annotated[
        Path | None,
        typer.Option("--code-file", help=_("File with the recovery code, for a lost key file; - for standard input.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the data directory from a backup; with the key file in its place and no daemon running."""
    from cloudconnect.assembly import restore_backup  # noqa: PLC0415 - the whole house

    STATE.is_json = as_json
    if not place.is_dir():
        raise Invalid(
            N_("There is no directory “{place}”."), fix=N_("Name the one with the backups."), place=str(place)
        )
    settings = load(environ=environment()).settings
    is_shown = output.is_terminal() and not as_json

    def report(done: int, total: int) -> None:
        if is_shown:
            output.progress(f"{format_bytes(done)} / {format_bytes(total)}")

    code = "" if code_file is None else read_password(code_file).strip()
    restored = restore_backup(settings, place.absolute(), identifier, report, code)
    if is_shown:
        output.progress("")
    if as_json:
        output.document({"id": restored, "home": str(settings.home)})
    else:
        output.hint(_("Restored to {home}. Start it: cloudconnect up").format(home=settings.home))
