"""Backups: make them, list them, prove them, restore from them, by hand and by the clock."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.settings import load
from cloudconnect.wire import backup as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.key import read_way
from cloudconnect_cli.commands.operations import Detach, run
from cloudconnect_cli.commands.running import STATE, AsJson, Yes, ask, confirm, environment
from cloudconnect_cli.commands.upkeep import tell_of_damage
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import parse_place

PlaceName = Annotated[str, typer.Argument(help=_("A directory of the server, or the name of a place that was added."))]
Id = Annotated[str, typer.Option("--id", help=_("Which backup; the newest unless it is named."))]
Kind = Annotated[str, typer.Option("--kind", help=_("s3 or azure; without it the place is a directory."))]
Bucket = Annotated[str, typer.Option("--bucket", help=_("The bucket or container, which must exist."))]
Endpoint = Annotated[str, typer.Option("--endpoint", help=_("The address of the server of the bucket."))]
Region = Annotated[str, typer.Option("--region", help=_("The region of the bucket."))]
Prefix = Annotated[str, typer.Option("--prefix", help=_("Stands before the name of every object."))]
Credentials = Annotated[str, typer.Option("--credentials-file", help=_("A file on the server with the credentials."))]
HostStyle = Annotated[bool, typer.Option("--host-style", help=_("Name the bucket in the host, as AWS does."))]
KeepLast = Annotated[int, typer.Option("--keep-last", min=0, help=_("Keep so many of the newest."))]
KeepDaily = Annotated[int, typer.Option("--keep-daily", min=0, help=_("Keep the newest of each of so many days."))]
KeepWeekly = Annotated[int, typer.Option("--keep-weekly", min=0, help=_("Keep the newest of each of so many weeks."))]
KeepMonthly = Annotated[int, typer.Option("--keep-monthly", min=0, help=_("Keep the newest of so many months."))]

backup = typer.Typer(no_args_is_help=True, help=_("Backups of the whole appliance."))
place = typer.Typer(no_args_is_help=True, help=_("Where backups go besides directories: buckets by name."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    backup.command("create", epilog=_("Example: cloudconnect backup create /mnt/backup"))(backup_create)
    backup.command("list", epilog=_("Example: cloudconnect backup list /mnt/backup"))(backup_list)
    backup.command("verify", epilog=_("Example: cloudconnect backup verify /mnt/backup --full"))(backup_verify)
    backup.command("prune", epilog=_("Example: cloudconnect backup prune /mnt/backup --keep-daily 7 --dry-run"))(
        backup_prune
    )
    backup.command("schedule", epilog=_("Example: cloudconnect backup schedule /mnt/backup --every 24 --keep-daily 7"))(
        backup_schedule
    )
    backup.command("restore", epilog=_("Example: cloudconnect backup restore /mnt/backup --path /Letters"))(
        backup_restore
    )
    place.command("list", epilog=_("Example: cloudconnect backup place list"))(place_list)
    place.command(
        "add",
        epilog=_("Example: cloudconnect backup place add away --kind s3 --bucket b --credentials-file /etc/b.toml"),
    )(place_add)
    place.command("claim", epilog=_("Example: cloudconnect backup place claim /mnt/backup"))(place_claim)
    place.command("remove", epilog=_("Example: cloudconnect backup place remove away"))(place_remove)
    backup.add_typer(place, name="place")
    app.add_typer(backup, name="backup")


def backup_create(place: PlaceName, detach: Detach = False, as_json: AsJson = False) -> None:
    """Copy what the place lacks, while the appliance is used, and write down a backup as of now."""
    ended = run("backup.create", {"to": _named(place)}, detach=detach, as_json=as_json)
    tell_of_damage(ended.result, "damaged_packs")


def backup_list(place: PlaceName, as_json: AsJson = False) -> None:
    """List the backups in a place, oldest first."""

    async def act(client: Client) -> list[wire.Backup]:
        return await client.ask("GET", "/backups", list[wire.Backup], query={"place": _named(place)})

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [(each.id, _made(each), format_bytes(each.bytes), str(each.position)) for each in found]
    output.table([_("Id"), _("Made"), " " + _("Size"), " " + _("Position")], rows)


def backup_verify(
    place: PlaceName,
    identifier: Id = "",
    full: Annotated[bool, typer.Option("--full", help=_("Read every version, not five of a hundred."))] = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into a scratch place and compare it: packs, database, and the content of versions."""
    parameters = {"from": _named(place), "id": identifier, "sample": "100" if full else "5"}
    run("backup.verify", parameters, detach=detach, as_json=as_json)


def backup_prune(
    place: PlaceName,
    keep_last: KeepLast = 0,
    keep_daily: KeepDaily = 0,
    keep_weekly: KeepWeekly = 0,
    keep_monthly: KeepMonthly = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what would go, and remove nothing."))] = False,
    give_up_damaged: Annotated[
        bool, typer.Option("--give-up-damaged", help=_("Also remove backups whose descriptions cannot be read."))
    ] = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Remove old backups, and the packs that no other backup needs; the newest always stays."""
    parameters = {
        "at": _named(place),
        "last": str(keep_last),
        "daily": str(keep_daily),
        "weekly": str(keep_weekly),
        "monthly": str(keep_monthly),
        "trial": "yes" if dry_run else "no",
        "damaged": "yes" if give_up_damaged else "no",
    }
    run("backup.prune", parameters, detach=detach, as_json=as_json)


def backup_schedule(
    place: Annotated[str, typer.Argument(help=_("A place of backups; all if none."))] = "",
    every: Annotated[int, typer.Option("--every", min=0, help=_("Make a backup every so many hours."))] = 0,
    off: Annotated[bool, typer.Option("--off", help=_("Make backups there by the clock no longer."))] = False,
    keep_last: KeepLast = 0,
    keep_daily: KeepDaily = 0,
    keep_weekly: KeepWeekly = 0,
    keep_monthly: KeepMonthly = 0,
    as_json: AsJson = False,
) -> None:
    """Have backups made, old ones removed and the newest proved by the clock; without options, show when."""
    if place and (every or off):
        counts = (keep_last, keep_daily, keep_weekly, keep_monthly)
        body = wire.NewSchedule(None if off else every, wire.Keep(*counts) if any(counts) and not off else None)
        name = quote(_named(place), safe="")
        ask(lambda client: client.ask("PUT", f"/backup-schedules/{name}", wire.BackupPlace, body=body), as_json=as_json)
    _show_places(as_json=as_json)


def backup_restore(
    place: PlaceName = "",
    identifier: Id = "",
    path: Annotated[
        str, typer.Option("--path", help=_("A file or folder to put back into the running appliance."))
    ] = "",
    into: Annotated[str, typer.Option("--into", help=_("The folder to put it into; one named Restored if none."))] = "",
    live: Annotated[bool, typer.Option("--live", help=_("Put it where it was, as further versions."))] = False,
    kind: Kind = "",
    bucket: Bucket = "",
    endpoint: Endpoint = "",
    region: Region = "",
    prefix: Prefix = "",
    credentials_file: Credentials = "",
    host_style: HostStyle = False,
    code_file: Annotated[
        Path | None,
        typer.Option("--code-file", help=_("File with the recovery code, for a lost key file; - for standard input.")),
    ] = None,
    share_files: Annotated[
        list[Path] | None, typer.Option("--share-file", help=_("File with a recovery share; may be repeated."))
    ] = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Make the data directory from a backup, while no daemon runs; or put back a part of one, while it does.

    A part is put aside, into a folder named Restored, unless --live or --into says otherwise. Nothing is removed.
    Exits with 7 if something in it is damaged.
    """
    if path:
        _restore_part(place, identifier, path, into, live=live, detach=detach, as_json=as_json)
        return
    parameters = _parameters(bucket, endpoint, region, prefix, credentials_file, host_style=host_style)
    if not kind:
        if not Path(place).is_dir() or not place:
            raise Invalid(N_("There is no directory “{place}”."), fix=N_("Name the one with the backups."), place=place)
        kind, parameters = "local", {"directory": str(Path(place).absolute())}
    _restore_all((kind, parameters), identifier, code_file, share_files or [], as_json=as_json)


def place_list(as_json: AsJson = False) -> None:
    """List the places that backups go to, when one was last made and proved, and what the clock does there."""
    STATE.is_json = as_json
    _show_places(as_json=as_json)


def place_add(
    name: Annotated[str, typer.Argument(help=_("A name for it: small letters, digits and dashes."))],
    kind: Annotated[str, typer.Option("--kind", help=_("local, s3 or azure."))] = "s3",
    directory: Annotated[str, typer.Option("--directory", help=_("A directory of the server."))] = "",
    bucket: Bucket = "",
    endpoint: Endpoint = "",
    region: Region = "",
    prefix: Prefix = "",
    credentials_file: Credentials = "",
    host_style: HostStyle = False,
    as_json: AsJson = False,
) -> None:
    """Add a bucket that backups can go to; it is looked at first, and becomes this appliance's."""
    parameters = _parameters(bucket, endpoint, region, prefix, credentials_file, host_style=host_style)
    body = wire.NewBackupPlace(name, kind, parameters | ({"directory": directory} if directory else {}))
    added = ask(lambda client: client.ask("POST", "/backup-places", wire.BackupPlace, body=body), as_json=as_json)
    if as_json:
        output.document(added)
    else:
        output.hint(_("Make a backup there: cloudconnect backup create {name}").format(name=name))


def place_claim(name: PlaceName, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take a place over from another installation with the same keys: the one that this was restored from, or a copy.

    From then on only this one makes and removes backups there, and the other one is refused.
    """
    STATE.is_json = as_json
    confirm(
        _("Take {name} over? The installation that made the backups there can make none there any more.").format(
            name=name
        ),
        is_confirmed=yes,
    )
    where = quote(_named(name), safe="")
    claimed = ask(lambda client: client.ask("PUT", f"/backup-places/{where}/claim", wire.BackupPlace), as_json=as_json)
    if as_json:
        output.document(claimed)


def place_remove(
    name: Annotated[str, typer.Argument(help=_("The name of the place."))], yes: Yes = False, as_json: AsJson = False
) -> None:
    """Forget a place of backups; what lies there stays."""
    STATE.is_json = as_json
    confirm(_("Forget the place {name}?").format(name=name), is_confirmed=yes)
    where = quote(_named(name), safe="")
    ask(lambda client: client.ask("DELETE", f"/backup-places/{where}", type(None)), as_json=as_json)
    if as_json:
        output.document({"removed": name})


def _restore_part(
    place: str, identifier: str, path: str, into: str, *, live: bool, detach: bool, as_json: bool
) -> None:
    wanted = parse_place(path)
    target = parse_place(into) if into else None

    async def space_ids(client: Client) -> list[str]:
        places = [wanted] if target is None or target.space == "personal" else [wanted, target]
        return [(await client.ask("GET", f"/spaces/{place.space}", wire.SpaceOf)).id for place in places]

    ids = ask(space_ids, as_json=as_json)

    parameters = {
        "from": _named(place),
        "id": identifier,
        "space": ids[0],
        "path": wanted.path,
        "into": target.path if target else "",
        "space_into": ids[1] if len(ids) > 1 else "",
        "live": "yes" if live else "no",
    }
    ended = run("backup.restore", parameters, detach=detach, as_json=as_json)
    tell_of_damage(ended.result, "damaged")


def _restore_all(
    place: tuple[str, dict[str, str]],
    identifier: str,
    code_file: Path | None,
    share_files: list[Path],
    *,
    as_json: bool,
) -> None:
    from cloudconnect.offline import restore_backup  # noqa: PLC0415 - the whole house

    STATE.is_json = as_json
    settings = load(environ=environment()).settings
    is_shown = output.is_terminal() and not as_json

    def report(done: int, total: int) -> None:
        if is_shown:
            output.progress(f"{format_bytes(done)} / {format_bytes(total)}")

    way = read_way(code_file, share_files) if code_file or share_files else None
    restored = restore_backup(settings, place, identifier, report, way)
    if is_shown:
        output.progress("")
    if as_json:
        output.document({"id": restored, "home": str(settings.home)})
    else:
        output.hint(_("Restored to {home}. Start it: cloudconnect up").format(home=settings.home))
        output.hint(_("To go on with backups in the same place: cloudconnect backup place claim PLACE"))


def _show_places(*, as_json: bool) -> None:
    found = ask(lambda client: client.ask("GET", "/backup-places", list[wire.BackupPlace]), as_json=as_json)
    if as_json:
        output.document(found)
        return
    rows = [
        (
            each.name,
            each.kind,
            output.local_time(each.backed_up) if each.backed_up else _("never"),
            output.local_time(each.verified) if each.verified else _("never"),
            _("every {hours} h").format(hours=each.every_hours) if each.every_hours else "",
            _kept(each.keep),
        )
        for each in found
    ]
    output.table([_("Place"), _("Kind"), _("Backup"), _("Proved"), _("Schedule"), _("Keeps")], rows)


def _kept(keep: wire.Keep | None) -> str:
    if keep is None:
        return _("all")
    names = {_("last"): keep.last, _("daily"): keep.daily, _("weekly"): keep.weekly, _("monthly"): keep.monthly}
    return ", ".join(f"{count} {name}" for name, count in names.items() if count)


def _made(each: wire.Backup) -> str:
    return output.local_time(each.created) if each.created else _("unreadable")


def _named(place: str) -> str:
    """Return the name of a place as the server knows it: a path is absolute."""
    return str(Path(place).absolute()) if "/" in place or place.startswith(".") else place


def _parameters(
    bucket: str, endpoint: str, region: str, prefix: str, credentials_file: str, *, host_style: bool
) -> dict[str, str]:
    given = {
        "bucket": bucket,
        "endpoint": endpoint,
        "region": region,
        "prefix": prefix,
        "credentials_file": credentials_file,
        "path_style": "no" if host_style else "",
    }
    return {name: text for name, text in given.items() if text}
