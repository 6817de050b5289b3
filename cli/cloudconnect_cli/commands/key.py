"""What opens the store: see it, add to it, replace keys of every level, and destroy those of a space."""

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from cloudconnect.client import Client
from cloudconnect.client.connection import Unreachable
from cloudconnect.kernel.errors import Conflict, Invalid, Unavailable
from cloudconnect.kernel.text import N_
from cloudconnect.settings import Settings, load
from cloudconnect.wire import accounting
from cloudconnect.wire import encryption as wire
from cloudconnect_cli import output
from cloudconnect_cli.commands.operations import Detach, run
from cloudconnect_cli.commands.running import STATE, AsJson, Yes, ask, confirm, environment
from cloudconnect_cli.i18n import _, counted
from cloudconnect_cli.naming import find_space_id

if TYPE_CHECKING:
    from cloudconnect.offline import Share, Slot

_ROOT = "/encryption"

Space = Annotated[str, typer.Argument(help=_("The name or id of a space; see: key spaces."))]
Destroyed = Annotated[str, typer.Argument(metavar="SPACE", help=_("The id of a space; see: key certificates."))]

key = typer.Typer(no_args_is_help=True, help=_("What opens the store."))
rotate = typer.Typer(no_args_is_help=True, help=_("Replace a key; nothing that is stored is written anew."))


kms = typer.Typer(no_args_is_help=True, help=_("The key service that opens the store."))


class KeyServiceFailed(Unavailable):
    """The key service did not do what it has to."""

    code = "cli.key-service-failed"
    title = N_("The key service cannot be used")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    key.command("init", epilog=_("Example: cloudconnect key init"))(key_init)
    key.command("status", epilog=_("Example: cloudconnect key status"))(key_status)
    key.command("add", epilog=_("Example: cloudconnect key add key-file /mnt/stick/cloudconnect.key"))(key_add)
    key.command("remove", epilog=_("Example: cloudconnect key remove 5f0c11d2"))(key_remove)
    key.command("shares", epilog=_("Example: cloudconnect key shares --needed 3 --total 5"))(key_shares)
    key.command("recover", epilog=_("Example: cloudconnect key recover"))(key_recover)
    rotate.command("master", epilog=_("Example: cloudconnect key rotate master"))(rotate_master)
    rotate.command("wrapping", epilog=_("Example: cloudconnect key rotate wrapping"))(rotate_wrapping)
    rotate.command("code", epilog=_("Example: cloudconnect key rotate code"))(rotate_code)
    rotate.command("space", epilog=_("Example: cloudconnect key rotate space spc_01J… --reseal"))(rotate_space)
    rotate.command("naming", epilog=_("Example: cloudconnect key rotate naming spc_01J…"))(rotate_naming)
    rotate.command("service", epilog=_("Example: cloudconnect key rotate service passwords"))(rotate_service)
    key.add_typer(rotate, name="rotate")
    kms.command("test", epilog=_("Example: cloudconnect key kms test"))(kms_test)
    key.add_typer(kms, name="kms")
    key.command("spaces", epilog=_("Example: cloudconnect key spaces"))(key_spaces)
    key.command("reseal", epilog=_("Example: cloudconnect key reseal spc_01J…"))(key_reseal)
    key.command("shred", epilog=_("Example: cloudconnect key shred spc_01J…"))(key_shred)
    key.command("certificates", epilog=_("Example: cloudconnect key certificates"))(key_certificates)
    key.command("certificate", epilog=_("Example: cloudconnect key certificate spc_01J… > proof.json"))(key_certificate)
    app.add_typer(key, name="key")


def key_init(as_json: AsJson = False) -> None:
    """Prepare what the settings name to open the store: make the key file, or have the key service open it too.

    A key file that is there is never overwritten. A key service is tried out; where there is a store already, which
    still opens with its key file or passphrase, the service gets a slot in it.
    """
    from cloudconnect.assembly import prepare_key  # noqa: PLC0415 - the whole house

    STATE.is_json = as_json
    prepared = prepare_key(_settings())
    if as_json:
        output.document({"key": prepared})
    else:
        output.hint(_("Ready: {key}").format(key=prepared))


def kms_test(as_json: AsJson = False) -> None:
    """Have the key service of the settings wrap and unwrap something, and refuse what was changed."""
    from cloudconnect.assembly import try_key_service  # noqa: PLC0415 - the whole house

    STATE.is_json = as_json
    trials = try_key_service(_settings())
    if as_json:
        output.document(
            [{"step": each.step, "is_ok": each.is_ok, "ms": round(each.milliseconds, 1)} for each in trials]
        )
    else:
        rows = [
            (each.step, _("ok") if each.is_ok else _("failed"), str(each.detail), f"{each.milliseconds:.1f} ms")
            for each in trials
        ]
        output.table([_("Step"), _("State"), _("What happened"), " " + _("Time")], rows)
    if not all(each.is_ok for each in trials):
        raise KeyServiceFailed(fix=N_("Compare the settings under keys.kms with docs/operator/key-services.md."))


def key_status(as_json: AsJson = False) -> None:
    """Show what opens the store; works without a daemon too."""
    try:
        found = ask(lambda client: client.ask("GET", _ROOT, wire.KeyStatus), as_json=as_json)
    except Unreachable:
        found = _described()
    if as_json:
        output.document(found)
        return
    rows = [(slot.id, slot.kind, _("in use") if slot.is_current else "") for slot in found.slots]
    output.table([_("Slot"), _("Kind"), ""], rows)
    if found.shares is not None:
        shares = _("Recovery shares: {needed} of {total} of the set {set} open the store.")
        output.data(shares.format(needed=found.shares.needed, total=found.shares.total, set=found.shares.set_id))


def key_add(
    kind: Annotated[str, typer.Argument(help=_("key-file or passphrase."))],
    file: Annotated[Path, typer.Argument(help=_("A file of the server; a key file is made if it is not there."))],
    as_json: AsJson = False,
) -> None:
    """Let something more open the store, besides what the settings name."""
    body = wire.NewSlot(kind, str(file.absolute()))
    added = ask(lambda client: client.ask("POST", f"{_ROOT}/slots", wire.Slot, body=body), as_json=as_json)
    if as_json:
        output.document(added)
    else:
        output.hint(_("The slot {id} opens the store.").format(id=added.id))


def key_remove(
    slot: Annotated[str, typer.Argument(help=_("The id of the slot; see: key status."))],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a slot open the store no longer."""
    STATE.is_json = as_json
    confirm(_("Remove the slot {id}?").format(id=slot), is_confirmed=yes)
    ask(lambda client: client.ask("DELETE", f"{_ROOT}/slots/{quote(slot)}", type(None)), as_json=as_json)
    if as_json:
        output.document({"removed": slot})
    else:
        output.hint(_("The slot {id} opens the store no longer.").format(id=slot))


def key_shares(
    needed: Annotated[int, typer.Option("--needed", min=2, max=31, help=_("How many together open the store."))],
    total: Annotated[int, typer.Option("--total", min=2, max=31, help=_("How many to make."))],
    into: Annotated[
        Path | None, typer.Option("--into", help=_("Write each into a file of its own in this new directory."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make recovery shares for several people; those made earlier open nothing any more."""
    if into is not None and into.exists():
        raise Conflict(N_("{path} exists already."), fix=N_("Name a new directory."), path=str(into))
    body = wire.NewShares(needed, total)
    made = ask(lambda client: client.ask("POST", f"{_ROOT}/shares", wire.MadeShares, body=body), as_json=as_json)
    if into is not None:
        _write_shares(made, into)
    if as_json:
        output.document({"set_id": made.set_id, "needed": needed, "shares": [] if into else made.shares})
        return
    for share in [] if into else made.shares:
        output.data(share)
    _tell_unreached(made.unreached)
    output.hint(
        _("Any {needed} of these {total} open the store. They are not shown again.").format(needed=needed, total=total)
    )


def key_recover(
    code_file: Annotated[
        Path | None, typer.Option("--code-file", help=_("File with the recovery code; - for standard input."))
    ] = None,
    share_files: Annotated[
        list[Path] | None, typer.Option("--share-file", help=_("File with a recovery share; may be repeated."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a new key file with the recovery code or with shares, when the old one is lost; the daemon must not run."""
    from cloudconnect.assembly import recover_key  # noqa: PLC0415 - the whole house

    STATE.is_json = as_json
    settings = _settings()
    recover_key(settings, read_way(code_file, share_files or []))
    if as_json:
        output.document({"key_file": settings.keys.passphrase_file or str(settings.key_file)})
    elif settings.keys_kms.kind:
        output.hint(_("The store opens with {service} now.").format(service=settings.keys_kms.kind))
    elif settings.keys.passphrase_file:
        output.hint(_("The store opens with the passphrase in {path} now.").format(path=settings.keys.passphrase_file))
    else:
        output.hint(_("The store opens again. The key file is {path}.").format(path=settings.key_file))


def rotate_master(yes: Yes = False, as_json: AsJson = False) -> None:
    """Replace the master key: other slots, shares and the recovery code open nothing any more; a new code is shown."""
    STATE.is_json = as_json
    confirm(
        _("Every slot but the one in use, all shares and the recovery code will open nothing any more. Go on?"),
        is_confirmed=yes,
    )
    _show_code(ask(lambda client: client.ask("POST", f"{_ROOT}/master-key", wire.RecoveryCode), as_json=as_json))


def rotate_wrapping(as_json: AsJson = False) -> None:
    """Replace the key that the keys of all spaces are sealed under."""
    done = ask(lambda client: client.ask("POST", f"{_ROOT}/wrapping-key", wire.Rotated), as_json=as_json)
    if as_json:
        output.document(done)
    else:
        output.hint(counted("{count} key is sealed anew.", "{count} keys are sealed anew.", done.keys))


def rotate_code(as_json: AsJson = False) -> None:
    """Make a new recovery code; the earlier one opens nothing any more."""
    _show_code(ask(lambda client: client.ask("POST", f"{_ROOT}/recovery-code", wire.RecoveryCode), as_json=as_json))


def rotate_space(
    space: Space,
    reseal: Annotated[
        bool, typer.Option("--reseal", help=_("Seal what is stored already with the new key as well."))
    ] = False,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Seal what is stored in a space from now on with a new key."""
    path = f"{_ROOT}/spaces/{quote(_id_of(space, as_json=as_json))}/key"
    done = ask(lambda client: client.ask("POST", path, wire.SpaceKeys), as_json=as_json)
    if reseal:
        key_reseal(done.space, detach=detach, as_json=as_json)
    elif as_json:
        output.document(done)
    else:
        output.hint(_("{space} is in epoch {epoch} now.").format(space=space, epoch=done.epoch))


def rotate_naming(space: Space, as_json: AsJson = False) -> None:
    """Cut and name what is stored in a space from now on by new keys, after somebody who had the earlier ones left."""
    _replace(f"{_ROOT}/spaces/{quote(_id_of(space, as_json=as_json))}/naming", as_json=as_json)


def rotate_service(
    name: Annotated[str, typer.Argument(help=_("passwords, certificates or backups"))], as_json: AsJson = False
) -> None:
    """Replace the key of passwords, certificates or backups; what the earlier ones made stays right."""
    _replace(f"{_ROOT}/service-keys/{quote(name)}", as_json=as_json)


def _replace(path: str, *, as_json: bool) -> None:
    done = ask(lambda client: client.ask("POST", path, wire.ReplacedKey), as_json=as_json)
    if as_json:
        output.document(done)
    else:
        output.hint(_("{subject} has key number {number} now.").format(subject=done.subject, number=done.version))


def key_spaces(as_json: AsJson = False) -> None:
    """List the spaces that have keys, and how often those were replaced."""

    async def act(client: Client) -> tuple[list[wire.SpaceKeys], dict[str, str]]:
        names = {} if as_json else {each.space: each.name async for each in client.list("/quotas", accounting.Quota)}
        return [each async for each in client.list(f"{_ROOT}/spaces", wire.SpaceKeys)], names

    found, names = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
    else:
        rows = [(each.space, names.get(each.space, ""), str(each.epoch)) for each in found]
        output.table([_("Space"), _("Name"), " " + _("Epoch")], rows)


def key_reseal(space: Space, detach: Detach = False, as_json: AsJson = False) -> None:
    """Seal everything that is stored in a space with its newest key, after an older one may have become known."""
    run("encryption.reseal", {"space": _id_of(space, as_json=as_json)}, detach=detach, as_json=as_json)


def key_shred(space: Space, yes: Yes = False, detach: Detach = False, as_json: AsJson = False) -> None:
    """Destroy the keys of a space: nothing in it can ever be read again, here or in a backup."""
    identifier = _id_of(space, as_json=as_json)
    meant = space if space == identifier else f"{space} ({identifier})"
    confirm(
        _("Everything in {space}, its past included, will be lost for ever. Go on?").format(space=meant),
        is_confirmed=yes,
    )
    ended = run("encryption.shred", {"space": identifier}, detach=detach, as_json=as_json)
    if ended.result.get("state") == "pending":
        output.hint(
            _(
                "A copy of the keyring could not be written anew; bring it within reach and repeat: key shred {id}"
            ).format(id=identifier)
        )


def key_certificates(as_json: AsJson = False) -> None:
    """List the spaces whose keys were destroyed."""

    async def act(client: Client) -> list[wire.Certificate]:
        return [each async for each in client.list(f"{_ROOT}/certificates", wire.Certificate)]

    found = ask(act, as_json=as_json)
    if as_json:
        output.document(found)
    else:
        rows = [(each.space, each.state, output.local_time(each.created)) for each in found]
        output.table([_("Space"), _("State"), _("Destroyed")], rows)


def key_certificate(space: Destroyed, as_json: AsJson = False) -> None:
    """Print the signed proof that the keys of a space were destroyed."""
    found = ask(
        lambda client: client.ask("GET", f"{_ROOT}/certificates/{quote(space)}", wire.Certificate), as_json=as_json
    )
    output.data(json.dumps(json.loads(found.document), indent=2))


def _id_of(space: str, *, as_json: bool) -> str:
    return ask(lambda client: find_space_id(client, space), as_json=as_json)


def read_way(code_file: Path | None, share_files: Sequence[Path]) -> "Slot | Sequence[Share]":
    """Return what opens a store without its key: the recovery code in a file or typed in, or the shares in files.

    Raises:
        WrongKey: a share is mistyped.
        Invalid: a file cannot be read.
    """
    from cloudconnect.offline import RecoverySlot, Share  # noqa: PLC0415 - the whole house

    if share_files:
        return [Share.parse(_read_line(path)) for path in share_files]
    return RecoverySlot(_read_code(code_file))


def _described() -> wire.KeyStatus:
    from cloudconnect.assembly import describe_keys  # noqa: PLC0415 - the whole house

    slots, shares = describe_keys(_settings())
    return wire.KeyStatus(
        [wire.Slot(slot.id, slot.kind, slot.is_current) for slot in slots],
        None if shares is None else wire.ShareSet(shares.set_id, shares.needed, shares.total),
        0,
        "",
    )


def _show_code(made: wire.RecoveryCode) -> None:
    if STATE.is_json:
        output.document(made)
        return
    output.data(made.recovery_code)
    output.hint(
        _("This recovery code replaces the earlier one. Keep it away from this machine; it is not shown again.")
    )


def _tell_unreached(places: Sequence[str]) -> None:
    if places:
        told = _("Backups at {places} could not be reached and open with what opened them before; keep that for them.")
        output.hint(told.format(places=", ".join(places)))


def _write_shares(made: wire.MadeShares, into: Path) -> None:
    into.mkdir(mode=0o700)
    for number, share in enumerate(made.shares, 1):
        path = into / f"share-{number}.txt"
        path.touch(mode=0o600)
        path.write_text(share + "\n", encoding="ascii")


def _read_code(path: Path | None) -> str:
    if path is None and sys.stdin.isatty():
        return str(typer.prompt(_("Recovery code"), err=True))
    if path is None or str(path) == "-":
        return sys.stdin.readline().strip()
    return _read_line(path)


def _read_line(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").strip()
    raise Invalid(N_("{path} cannot be read."), fix=N_("Name a file with the code or the share."), path=str(path))


def _settings() -> Settings:
    return load(environ=environment()).settings
