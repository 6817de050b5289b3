"""Where packs rest: add backends, try them out, move packs between them."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import quote as percent_encode

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.units import format_bytes
from cloudconnect.wire import backends as wire
from cloudconnect.wire.operations import Operation
from cloudconnect_cli import output
from cloudconnect_cli.commands.operations import Detach, run
from cloudconnect_cli.commands.running import AsJson, ask
from cloudconnect_cli.i18n import _

_KINDS = ("storage.migrate", "storage.test")

Name = Annotated[str, typer.Argument(help=_("The name of the backend; see: storage list."))]


class BackendKind(StrEnum):
    """What a backend can be."""

    LOCAL = "local"
    S3 = "s3"
    AZURE = "azure"


storage = typer.Typer(no_args_is_help=True, help=_("Where the appliance keeps what is stored."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    storage.command("list", epilog=_("Example: cloudconnect storage list"))(storage_list)
    storage.command("add", epilog=_("Example: cloudconnect storage add disk local --directory /mnt/disk"))(storage_add)
    storage.command("remove", epilog=_("Example: cloudconnect storage remove disk"))(storage_remove)
    storage.command("test", epilog=_("Example: cloudconnect storage test disk"))(storage_test)
    storage.command("status", epilog=_("Example: cloudconnect storage status"))(storage_status)
    storage.command("migrate", epilog=_("Example: cloudconnect storage migrate main disk"))(storage_migrate)
    app.add_typer(storage, name="storage")


def storage_list(as_json: AsJson = False) -> None:
    """List the backends and what they hold; new packs go to the one that is marked."""
    found = ask(lambda client: client.ask("GET", "/storage/backends", list[wire.Backend]), as_json=as_json)
    if as_json:
        output.document(found)
    else:
        _show(found)


def storage_add(
    name: Annotated[str, typer.Argument(help=_("A name for it: small letters, digits and dashes."))],
    kind: Annotated[BackendKind, typer.Argument(help=_("What it is."))],
    directory: Annotated[str, typer.Option("--directory", help=_("A directory of the server."))] = "",
    bucket: Annotated[str, typer.Option("--bucket", help=_("The bucket or container, which must exist."))] = "",
    endpoint: Annotated[str, typer.Option("--endpoint", help=_("The address of the server of the bucket."))] = "",
    region: Annotated[str, typer.Option("--region", help=_("The region of the bucket."))] = "",
    prefix: Annotated[str, typer.Option("--prefix", help=_("Stands before the name of every object."))] = "",
    credentials_file: Annotated[
        str, typer.Option("--credentials-file", help=_("A file on the server with the credentials, TOML."))
    ] = "",
    host_style: Annotated[
        bool, typer.Option("--host-style", help=_("Name the bucket in the host, as AWS does."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a backend; it is tried out first. Nothing moves there by itself."""
    body = wire.NewBackend(
        name=name,
        kind=kind,
        directory=directory,
        bucket=bucket,
        endpoint=endpoint,
        region=region,
        prefix=prefix,
        credentials_file=credentials_file,
        path_style=not host_style,
    )
    added = ask(lambda client: client.ask("POST", "/storage/backends", wire.Backend, body=body), as_json=as_json)
    if as_json:
        output.document(added)
    else:
        _show([added])
        output.hint(_("Move what is stored there with: cloudconnect storage migrate main {name}").format(name=name))


def storage_remove(name: Name, as_json: AsJson = False) -> None:
    """Remove a backend that was added; it must hold nothing any more."""
    url = f"/storage/backends/{percent_encode(name, safe='')}"
    ask(lambda client: client.ask("DELETE", url, type(None)), as_json=as_json)


def storage_test(name: Name = "main", as_json: AsJson = False) -> None:
    """Write, read, list and remove objects, and measure how fast that is."""
    run("storage.test", {"name": name}, detach=False, as_json=as_json)


def storage_status(as_json: AsJson = False) -> None:
    """Show what each backend holds and how far a migration is."""

    async def act(client: Client) -> tuple[list[wire.Backend], list[Operation]]:
        found = await client.ask("GET", "/storage/backends", list[wire.Backend])
        jobs = [each async for each in client.list("/operations", Operation) if each.kind in _KINDS]
        return found, [each for each in jobs if each.finished is None]

    found, jobs = ask(act, as_json=as_json)
    if as_json:
        output.document({"backends": found, "operations": jobs})
        return
    _show(found)
    for each in jobs:
        rows = [(each.id, _(each.title), each.state, f"{format_bytes(each.done)} / {format_bytes(each.total)}")]
        output.table([_("Id"), _("What"), _("State"), " " + _("Done")], rows)


def storage_migrate(
    source: Annotated[str, typer.Argument(help=_("The backend to take packs from."))],
    target: Annotated[str, typer.Argument(help=_("The backend to bring them to; new packs go there from now on."))],
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Move everything from one backend to another while the appliance is used; may be paused and reversed."""
    run("storage.migrate", {"source": source, "target": target}, detach=detach, as_json=as_json)


def _show(found: list[wire.Backend]) -> None:
    rows = [
        (
            each.name,
            each.kind,
            each.where,
            _("new packs") if each.is_target else "",
            str(each.packs),
            format_bytes(each.size),
        )
        for each in found
    ]
    output.table([_("Name"), _("Kind"), _("Where"), _("Takes"), " " + _("Packs"), " " + _("Size")], rows)
