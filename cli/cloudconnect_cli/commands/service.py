"""Running the daemon as a system service."""

import os
import secrets
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from cloudconnect.kernel.errors import Denied, Invalid, Unavailable
from cloudconnect.kernel.text import N_
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import STATE, AsJson
from cloudconnect_cli.i18n import _

_UNIT = "cloudconnect.service"
_UNITS = Path("/etc/systemd/system")
_KEY = Path("/etc/cloudconnect/root.key")
_KEY_BYTES = 32

service = typer.Typer(no_args_is_help=True, help=_("The daemon as a service of systemd."))


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    service.command("install", epilog=_("Example: sudo cloudconnect service install"))(install)
    service.command("uninstall", epilog=_("Example: sudo cloudconnect service uninstall"))(uninstall)
    service.command("status", epilog=_("Example: cloudconnect service status"))(service_status)
    app.add_typer(service, name="service")


def install(
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Print the unit file and change nothing."))] = False,
    as_json: AsJson = False,
) -> None:
    """Install the service, hardened, with a key file of its own; start it with systemctl."""
    STATE.is_json = as_json
    unit = _unit()
    if dry_run:
        if as_json:
            output.document({"unit": unit})
        else:
            output.data(unit.rstrip())
        return
    _install(unit)
    if as_json:
        output.document({"installed": str(_UNITS / _UNIT)})
        return
    output.hint(_("Installed. Start it with: systemctl start cloudconnect"))
    output.hint(_("The first sign-in link and the recovery kit are in: journalctl -u cloudconnect"))


def _install(unit: str) -> None:
    if os.geteuid() != 0:
        raise Denied(N_("Only root can install a service."), fix=N_("Repeat it with sudo."))
    if shutil.which("systemctl") is None:
        raise Unavailable(N_("This machine does not run systemd."), fix=N_("Start it your own way: cloudconnect up"))
    if not _KEY.exists():
        _KEY.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            os.fsync(file.fileno())
    (_UNITS / _UNIT).write_text(unit, encoding="utf-8")
    _systemctl("daemon-reload")
    _systemctl("enable", _UNIT)


def uninstall(as_json: AsJson = False) -> None:
    """Stop and remove the service; data and key stay."""
    STATE.is_json = as_json
    if os.geteuid() != 0:
        raise Denied(N_("Only root can remove a service."), fix=N_("Repeat it with sudo."))
    if not (_UNITS / _UNIT).exists():
        raise Invalid(N_("The service is not installed."), fix=N_("See: cloudconnect service status"))
    _systemctl("disable", "--now", _UNIT)
    (_UNITS / _UNIT).unlink()
    _systemctl("daemon-reload")
    if as_json:
        output.document({"removed": str(_UNITS / _UNIT)})


def service_status(as_json: AsJson = False) -> None:
    """Show what systemd says of the service."""
    STATE.is_json = as_json
    if shutil.which("systemctl") is None:
        raise Unavailable(N_("This machine does not run systemd."), fix=N_("Start it your own way: cloudconnect up"))
    if as_json:
        output.document({"state": _systemctl("is-active", _UNIT, is_captured=True)})
    else:
        _systemctl("--no-pager", "status", _UNIT)


def _unit() -> str:
    text = (resources.files("cloudconnect_cli") / "service" / _UNIT).read_text(encoding="utf-8")
    program = Path(sys.argv[0]).resolve()
    return text.replace("/usr/local/bin/cloudconnect", str(program))


def _systemctl(*arguments: str, is_captured: bool = False) -> str:
    """Run systemctl; return what it printed if that is captured."""
    sink = subprocess.PIPE if is_captured else None
    done = subprocess.run(["systemctl", *arguments], check=False, stdout=sink, text=True)  # noqa: S603, S607 - a fixed program of the system
    return (done.stdout or "").strip()
