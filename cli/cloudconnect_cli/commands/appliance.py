"""How this machine's appliance fares."""

import shutil
import sqlite3
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cloudconnect import __version__
from cloudconnect.client import Client
from cloudconnect.kernel.errors import CloudConnectError, Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.settings import Settings, load
from cloudconnect.wire.shape import Status
from cloudconnect_cli import exits, output
from cloudconnect_cli.commands.running import COMPLETION, STATE, AsJson, ask, environment
from cloudconnect_cli.i18n import _, say

_LEAST_FREE = 1 << 30
_OVER_NETWORKS = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "overlay", "9p"})
_SHELLS = ("bash", "zsh", "fish")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("status", epilog=_("Example: cloudconnect status --json"))(status)
    app.command("doctor", epilog=_("Example: cloudconnect doctor"))(doctor)
    app.command("version", epilog=_("Example: cloudconnect version"))(version)
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
    ]
    width = max(len(name) for name, _value in facts)
    for name, value in facts:
        output.data(f"{name:{width}}  {value}")


def _store(found: Status) -> str:
    size = format_bytes(found.stored_bytes)
    sentence = _("{storage}: {state}, {packs} packs, {size}")
    return sentence.format(storage=found.storage, state=found.store_state, packs=found.packs, size=size)


def _database(found: Status) -> str:
    sentence = _("{database}, schema {schema}, position {position}")
    return sentence.format(database=found.database, schema=found.schema, position=found.position)


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


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of the doctor: ``ok``, ``warning`` or ``error``, what was seen, and what to do."""

    id: str
    severity: str
    evidence: str
    fix: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Look at everything that could be wrong, and say how to mend it."""
    STATE.is_json = as_json
    settings = load(environ=environment()).settings
    findings = [_check_home(settings), _check_key(settings), _check_disk(settings), _check_file_system(settings)]
    findings += [_check_keyring(settings), _check_daemon()]
    if as_json:
        output.document([asdict(each) for each in findings])
    else:
        marks = {"ok": _("ok"), "warning": _("warning"), "error": _("error")}
        for each in findings:
            output.data(f"{marks[each.severity]:8} {each.id:12} {each.evidence}")
            if each.fix:
                output.data(f"{'':22}{each.fix}")
    severities = {each.severity for each in findings}
    if "error" in severities:
        raise typer.Exit(exits.INTEGRITY)
    if "warning" in severities:
        raise typer.Exit(exits.PARTIAL)


def _check_home(settings: Settings) -> Finding:
    home = settings.home
    if not (home / "keyring.db").exists():
        return Finding("home", "error", _("{path} holds no store").format(path=home), "cloudconnect init")
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        return Finding("home", "warning", _("{path} can be read by others").format(path=home), f"chmod 700 {home}")
    return Finding("home", "ok", str(home))


def _check_key(settings: Settings) -> Finding:
    if settings.keys.passphrase_file:
        return Finding("key", "ok", _("a passphrase opens the store"))
    path = settings.key_file
    if not path.exists():
        return Finding("key", "error", _("{path} is missing").format(path=path), _("Put the key file back."))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding("key", "warning", _("{path} can be read by others").format(path=path), f"chmod 600 {path}")
    return Finding("key", "ok", str(path))


def _check_disk(settings: Settings) -> Finding:
    if not settings.home.exists():
        return Finding("disk", "warning", _("there is no data directory yet"))
    free = shutil.disk_usage(settings.home).free
    severity = "ok" if free >= _LEAST_FREE else "warning"
    fix = "" if severity == "ok" else _("Free some space or move the data directory to a larger disk.")
    return Finding("disk", severity, _("{size} free").format(size=format_bytes(free)), fix)


def _check_file_system(settings: Settings) -> Finding:
    kind = _file_system(settings.home)
    if kind in _OVER_NETWORKS:
        fix = _("Use a local disk: over a network, a sync may promise what it does not keep.")
        return Finding("file-system", "warning", kind, fix)
    return Finding("file-system", "ok", kind or _("unknown"))


def _check_keyring(settings: Settings) -> Finding:
    path = settings.home / "keyring.db"
    if not path.exists():
        return Finding("keyring", "error", _("{path} is missing").format(path=path), "cloudconnect init")
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        return Finding("keyring", "error", str(answer), _("Restore the data directory from a backup."))
    return Finding("keyring", "ok", _("intact"))


def _check_daemon() -> Finding:
    async def act(client: Client) -> Status:
        return await client.ask("GET", "/status", Status)

    try:
        found = ask(act, as_json=STATE.is_json)
    except CloudConnectError as refusal:
        return Finding("daemon", "error", say(refusal.detail), say(refusal.fix) if refusal.fix else "")
    if found.store_state != "ok" or found.parked:
        evidence = _("store {state}, {count} parked facts").format(state=found.store_state, count=found.parked)
        return Finding("daemon", "error" if found.store_state != "ok" else "warning", evidence, _("See its log."))
    return Finding("daemon", "ok", _("version {version} answers").format(version=found.version))


def _file_system(path: Path) -> str:
    """Return the type of the file system that *path* is on, as the kernel names it."""
    best, kind = "", ""
    target = str(path.absolute())
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        mount, found = line.split()[1:3]
        if (target == mount or target.startswith(mount.rstrip("/") + "/")) and len(mount) >= len(best):
            best, kind = mount, found
    return kind
