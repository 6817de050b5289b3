"""Making a store and serving it: the only commands that build the house themselves."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.settings import Settings, load
from cloudconnect_cli import output
from cloudconnect_cli.commands.running import STATE, AsJson, environment
from cloudconnect_cli.i18n import _

if TYPE_CHECKING:
    from cloudconnect.assembly import Appliance

Listen = Annotated[str, typer.Option("--listen", help=_("Address and port, HOST:PORT."))]
InsecureLan = Annotated[bool, typer.Option("--insecure-lan", help=_("Listen beyond this machine without TLS."))]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("up", epilog=_("Example: cloudconnect up"))(up)
    app.command("init", epilog=_("Example: cloudconnect init --recovery-kit /root/kit.txt"))(init)
    app.command("serve", epilog=_("Example: cloudconnect serve --listen 127.0.0.1:8420"))(serve)


def up(listen: Listen = "", insecure_lan: InsecureLan = False, as_json: AsJson = False) -> None:
    """Make a store if there is none, and serve it here until Ctrl-C."""
    STATE.is_json = as_json
    from cloudconnect.assembly import is_initialised  # noqa: PLC0415 - the whole house

    settings = _settings(listen, insecure_lan)
    if not is_initialised(settings):
        _print_kit(_initialise(settings), settings, as_json=as_json)
    _serve(settings)


def init(
    recovery_kit: Annotated[Path | None, typer.Option(help=_("Write the recovery kit to this new file."))] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help=_("Open the store with the passphrase in this file instead of a key file."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a store: data directory, keys and the recovery kit, which is shown only now."""
    STATE.is_json = as_json
    settings = _settings("", insecure_lan=False, passphrase_file=passphrase_file)
    if recovery_kit is not None and recovery_kit.exists():
        raise Invalid(N_("{path} exists already."), fix=N_("Name a new file."), path=str(recovery_kit))
    code = _initialise(settings)
    if recovery_kit is not None:
        recovery_kit.touch(mode=0o600)
        recovery_kit.write_text(_kit(code, settings), encoding="utf-8")
        if as_json:
            output.document({"recovery_kit": str(recovery_kit)})
        else:
            output.hint(_("The recovery kit is in {path}. Keep it away from this machine.").format(path=recovery_kit))
    else:
        _print_kit(code, settings, as_json=as_json)
    if passphrase_file is not None:
        hint = _("Name the passphrase to the daemon as well: CLOUDCONNECT_KEYS_PASSPHRASE_FILE={path}")
        output.hint(hint.format(path=settings.keys.passphrase_file))


def serve(listen: Listen = "", insecure_lan: InsecureLan = False, as_json: AsJson = False) -> None:
    """Serve the store until a signal ends it."""
    STATE.is_json = as_json
    _serve(_settings(listen, insecure_lan))


def _settings(listen: str, insecure_lan: bool, passphrase_file: Path | None = None) -> Settings:
    overrides = {"server.listen": listen} if listen else {}
    if insecure_lan:
        overrides["server.insecure_lan"] = "true"
    if passphrase_file is not None:
        overrides["keys.passphrase_file"] = str(passphrase_file.absolute())
    return load(environ=environment(), overrides=overrides).settings


def _initialise(settings: Settings) -> str:
    from cloudconnect.assembly import initialise  # noqa: PLC0415 - the whole house

    return initialise(settings)


def _kit(code: str, settings: Settings) -> str:
    return _(
        "CloudConnect recovery kit\n"
        "\n"
        "  Recovery code   {code}\n"
        "  Store           {home}\n"
        "  Key file        {key_file}\n"
        "\n"
        "Whoever has the key file or this code can read the store; without either, nobody can, you included.\n"
        "Keep the code on paper or in a password manager, away from this machine. It is not shown again.\n"
    ).format(code=code, home=settings.home, key_file=settings.keys.passphrase_file or settings.key_file)


def _print_kit(code: str, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        key_file = settings.keys.passphrase_file or str(settings.key_file)
        output.event({"type": "kit", "recovery_code": code, "home": str(settings.home), "key_file": key_file})
    else:
        output.data(_kit(code, settings))


def _serve(settings: Settings) -> None:
    import uvloop  # noqa: PLC0415 - only the daemon has use for it

    from cloudconnect import daemon  # noqa: PLC0415 - the whole house
    from cloudconnect.adapters import allocator  # noqa: PLC0415 - the whole house
    from cloudconnect.assembly import assemble, is_initialised, try_keys  # noqa: PLC0415 - the whole house
    from cloudconnect_web import server  # noqa: PLC0415 - the whole face

    daemon.harden_process()
    allocator.keep_large_memory()
    daemon.set_up_logging(settings.logging.level, settings.logging.format)

    async def start_faces(appliance: "Appliance") -> daemon.StopFaces:
        # Before anybody can knock: whoever sees the daemon answer may rely on the first account.
        setup = await appliance.auth.open_setup(_admin_password(settings))
        stop = await server.start(appliance)
        _welcome(settings, None if setup is None else setup[0])
        return stop

    async def run() -> int:
        if settings.keys.sealed_start and is_initialised(settings):
            sealed = partial(server.start_sealed, settings)
            if not await daemon.wait_for_keys(partial(try_keys, settings), sealed, settings.notify_socket):
                return 0
        return await daemon.run(assemble(settings), start_faces)

    sys.exit(uvloop.run(run()))


def _welcome(settings: Settings, setup: str | None) -> None:
    from cloudconnect_web.address import address as address_of  # noqa: PLC0415 - the whole face

    address = address_of(settings)
    output.data(_("CloudConnect is ready at {address}").format(address=address))
    link_file = settings.home / "sign-in-link"
    if setup is None:
        link_file.unlink(missing_ok=True)
    else:
        link = f"{address}/sign-in/link?token={setup}"
        link_file.touch(mode=0o600)
        link_file.write_text(link + "\n", encoding="ascii")
        output.data(_("Sign in once with this link, and choose a password:") + f"\n  {link}")
    sys.stdout.flush()


def _admin_password(settings: Settings) -> str | None:
    if not settings.admin_password_file:
        return None
    try:
        return Path(settings.admin_password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            N_("{path} cannot be read."),
            fix=N_("Check CLOUDCONNECT_ADMIN_PASSWORD_FILE."),
            path=settings.admin_password_file,
        ) from error
