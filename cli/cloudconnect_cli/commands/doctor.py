"""Everything that could be wrong with this machine's appliance, and how to mend it."""

import shutil
import sqlite3
import stat
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import msgspec
import typer

from cloudconnect.client import Client
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.units import format_bytes
from cloudconnect.settings import Settings, load
from cloudconnect.wire.shape import Status
from cloudconnect_cli import exits, output
from cloudconnect_cli.commands.running import STATE, AsJson, ask, environment
from cloudconnect_cli.i18n import _, say

_LEAST_FREE = 1 << 30
_MOST_DRIFT_SECONDS = 30
_OVER_NETWORKS = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "overlay", "9p"})


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("doctor", epilog=_("Example: cloudconnect doctor"))(doctor)


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
    findings += [_check_keyring(settings), _check_database(settings), *_check_daemon()]
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
    fault = _fault(path)
    if fault:
        return Finding("keyring", "error", fault, _("Restore the data directory from a backup."))
    return Finding("keyring", "ok", _("intact"))


def _check_database(settings: Settings) -> Finding:
    if not settings.database.url.startswith("sqlite:"):
        return Finding("database", "ok", "PostgreSQL")
    library = f"SQLite {metadata.version('apsw')}"
    path = settings.home / "cloudconnect.db"
    if not path.exists():
        return Finding("database", "warning", _("{path} is missing").format(path=path), "cloudconnect up")
    fault = _fault(path)
    if fault:
        return Finding("database", "error", f"{library}: {fault}", _("Restore the data directory from a backup."))
    return Finding("database", "ok", f"{library}: {_('intact')}")


def _fault(path: Path) -> str:
    """Return what the engine finds wrong with a database file, or nothing."""
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        try:
            (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return str(error)
    return "" if answer == "ok" else str(answer)


def _check_daemon() -> list[Finding]:
    async def act(client: Client) -> tuple[Status, str]:
        async with client.send("GET", "/status") as response:
            return msgspec.json.decode(await response.read(), type=Status), response.headers.get("Date", "")

    try:
        found, date = ask(act, as_json=STATE.is_json)
    except CloudConnectError as refusal:
        return [Finding("daemon", "error", say(refusal.detail), say(refusal.fix) if refusal.fix else "")]
    return [_judge(found), *([_compare_clocks(date)] if date else [])]


def _compare_clocks(date: str) -> Finding:
    drift = round(abs((SystemClock().now() - parsedate_to_datetime(date)).total_seconds()))
    evidence = _("{seconds} s between this clock and the daemon’s").format(seconds=drift)
    if drift > _MOST_DRIFT_SECONDS:
        return Finding("clock", "warning", evidence, _("Set the clocks by NTP, for instance: timedatectl set-ntp true"))
    return Finding("clock", "ok", evidence)


def _judge(found: Status) -> Finding:
    if found.store_state != "ok" or found.parked:
        evidence = _("store {state}, {count} parked facts").format(state=found.store_state, count=found.parked)
        way_out = _("See its log.") if found.store_state != "ok" else _("See: cloudconnect facts list")
        return Finding("daemon", "error" if found.store_state != "ok" else "warning", evidence, way_out)
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
