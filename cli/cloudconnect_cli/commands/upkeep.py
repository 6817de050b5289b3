"""Looking after what is stored: collect garbage, verify, heal."""

from typing import Annotated

import typer

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Damaged
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes, parse_bytes
from cloudconnect.wire import damage as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.operations import Detach, run
from cloudconnect_cli.commands.running import AsJson, ask
from cloudconnect_cli.i18n import _


class DamageFound(Damaged):
    """Something that is stored is missing or changed."""

    code = "cli.damage-found"
    title = N_("Some of what is stored is damaged")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("gc", epilog=_("Example: cloudconnect gc"))(collect)
    app.command("scrub", epilog=_("Example: cloudconnect scrub --quick"))(scrub)
    app.command("damaged", epilog=_("Example: cloudconnect damaged"))(damaged)
    app.command("repair", epilog=_("Example: cloudconnect repair"))(repair)


def collect(
    now: Annotated[bool, typer.Option("--now", help=_("Remove at once what was found by an earlier run."))] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Count what would go, and change nothing."))] = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Collect garbage: remove what nothing has needed since the time of grace, and note what nothing needs now."""
    parameters = ({"grace_seconds": "0"} if now else {}) | ({"dry_run": "yes"} if dry_run else {})
    run("storage.gc", parameters, detach=detach, as_json=as_json)


def scrub(
    quick: Annotated[bool, typer.Option("--quick", help=_("Compare digests only, without opening chunks."))] = False,
    limit: Annotated[str, typer.Option("--limit", help=_("Read at most this much a second, such as 50M."))] = "",
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Read everything that is stored and verify it; exits with 7 if anything is damaged."""
    parameters = {"keys": "no" if quick else "yes"}
    if limit:
        parameters["bytes_per_second"] = str(parse_bytes(limit))
    ended = run("storage.scrub", parameters, detach=detach, as_json=as_json)
    tell_of_damage(ended.result, "damaged_packs", "damaged_chunks")


def repair(detach: Detach = False, as_json: AsJson = False) -> None:
    """Heal damaged chunks from whole copies; it only adds, and exits with 7 if something could not be healed."""
    ended = run("storage.repair", {}, detach=detach, as_json=as_json)
    if ended.result.get("chunks_left"):
        raise DamageFound(
            fix=N_("Upload the files again that are damaged, or restore them from a backup: cloudconnect damaged")
        )


def damaged(as_json: AsJson = False) -> None:
    """List the files that are damaged, with older versions; administrators see those of all spaces."""

    async def act(client: Client) -> list[wire.DamagedFile]:
        return [each async for each in client.list("/damaged", wire.DamagedFile)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
        return
    if not found:
        output.data(_("No file is known to be damaged. To verify everything: cloudconnect scrub"))
        return
    rows = [
        (each.space, each.path, _version(each), format_bytes(each.size), output.local_time(each.found))
        for each in found
    ]
    output.table((N_("Space"), N_("Path"), N_("Version"), N_(" Size"), N_("Found")), rows)


def _version(file: wire.DamagedFile) -> str:
    return f"{file.version}" if file.is_present else _("{version}, not the latest").format(version=file.version)


def tell_of_damage(result: dict[str, int | str], *names: str) -> None:
    """Return unless one of the counts *names* in a result says that something is damaged.

    Raises:
        DamageFound: one does.
    """
    if any(result.get(name) for name in names):
        raise DamageFound(
            fix=N_("Heal what can be healed: cloudconnect repair. Uploading a damaged file again heals it too.")
        )
