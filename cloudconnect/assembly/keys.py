"""What opens a store: made with it, prepared for it, recovered for it, as the settings say."""

import hmac
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from cloudconnect.adapters.key_services import Trial, open_key_service, try_out
from cloudconnect.database import HomeLock, HomeNotWritable
from cloudconnect.features.encryption import SERVICE_KEYS, BadSlot
from cloudconnect.kernel.errors import Conflict, Invalid, Unavailable
from cloudconnect.kernel.text import N_
from cloudconnect.settings import Settings
from cloudconnect.storage.key_service import KeyService
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.keyring_file import ShareFacts, SlotFacts
from cloudconnect.storage.kms_slot import KmsSlot
from cloudconnect.storage.shares import Share
from cloudconnect.storage.slots import KeyFileSlot, PassphraseSlot, Slot

_KEYRING = "keyring.db"

RECOVERING = "recovering"
"""Below the data directory while its database is being made anew."""


class NotInitialised(Unavailable):
    """There is no store in the data directory yet."""

    code = "appliance.not-initialised"
    title = N_("There is no store here yet")


class NotRecovered(Unavailable):
    """A recovery of the database was interrupted."""

    code = "appliance.not-recovered"
    title = N_("The recovery of this store has not ended")


class AlreadyInitialised(Conflict):
    """There is a store in the data directory; keys are never overwritten."""

    code = "appliance.already-initialised"
    title = N_("There is a store here already")


def is_initialised(settings: Settings) -> bool:
    """Tell whether the data directory holds a store."""
    return (settings.home / _KEYRING).exists()


def require_store(settings: Settings, *, is_recovering: bool) -> None:
    """Return if there is a store that can be served, or, if *is_recovering*, recovered.

    Raises:
        NotInitialised: there is none.
        NotRecovered: its database is being made anew.
    """
    if not is_initialised(settings):
        raise NotInitialised(
            N_("{home} holds no store."), fix=N_("Make one: cloudconnect init"), home=str(settings.home)
        )
    if (settings.home / RECOVERING).exists() and not is_recovering:
        raise NotRecovered(fix=N_("Let it go on: cloudconnect recover --from-packs"))


def initialise(settings: Settings) -> str:
    """Make the data directory, its keyring and the key file; return the recovery code, which is shown only now.

    Raises:
        AlreadyInitialised: there is a store already.
        Invalid: the key file would lie inside the data directory, or one is there that belongs to another store.
    """
    if is_initialised(settings):
        raise AlreadyInitialised(
            N_("{home} holds a store already."), fix=N_("Start it: cloudconnect serve"), home=str(settings.home)
        )
    if settings.key_file.is_relative_to(settings.home):
        raise Invalid(
            N_("The key file must not lie inside the data directory: a backup of one would hold both."),
            fix=N_("Set keys.file to a place elsewhere."),
        )
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeNotWritable(
            N_("{home} cannot be made: {reason}."),
            fix=N_("Choose another directory with CLOUDCONNECT_HOME."),
            home=str(settings.home),
            reason=error.strerror or str(error),
        ) from error
    lock = HomeLock(settings.home)
    try:
        keyring, code = Keyring.create(settings.home / _KEYRING, slot_of(settings))
        keyring.close()
    finally:
        lock.release()
    return code


def prepare_key(settings: Settings) -> str:
    """Prepare what the settings name to open the store; return what that is.

    A key file is made, a passphrase read, a key service asked. Where there is a store already, which opens with its key
    file or passphrase, the key service gets a slot in it; the daemon must not run meanwhile.

    Raises:
        Conflict: there is a key file already, which is never overwritten.
        Invalid: the passphrase cannot be read, or the service is not set up.
        KeyServiceAway, KeyServiceRefuses: the service does not do its part.
    """
    if settings.keys_kms.kind:
        slot = KmsSlot(_key_service(settings))
        if is_initialised(settings):
            _enrol(settings, slot)
        else:
            slot.key(slot.new_parameters())
        return f"{slot.kind}: {settings.keys_kms.key}"
    if settings.keys.passphrase_file:
        _read_passphrase(Path(settings.keys.passphrase_file))
        return settings.keys.passphrase_file
    if settings.key_file.exists():
        raise Conflict(N_("{path} exists already."), fix=N_("It will be used as it is."), path=str(settings.key_file))
    KeyFileSlot(settings.key_file).new_parameters()
    return str(settings.key_file)


def _enrol(settings: Settings, slot: Slot) -> None:
    """Let *slot* open the store, which is opened by the key file or passphrase that did so until now."""
    until_now = replace(settings, keys_kms=replace(settings.keys_kms, kind=""))
    lock = HomeLock(settings.home)
    try:
        keyring = open_keyring(until_now)
        keyring.put_slot(slot)
        keyring.close()
    finally:
        lock.release()


def try_key_service(settings: Settings) -> list[Trial]:
    """Have the key service of the settings wrap and unwrap something, and refuse what was changed.

    Raises:
        BadKeyService: none is set, or it is not set up.
    """
    return try_out(_key_service(settings))


def describe_keys(settings: Settings) -> tuple[list[SlotFacts], ShareFacts | None]:
    """Return what opens the store, which needs no key and no daemon.

    Raises:
        NotInitialised: there is no store.
        KeyringDamaged: its keyring is not what was written.
    """
    if not is_initialised(settings):
        raise _no_store(settings)
    return Keyring.describe(settings.home / _KEYRING)


def recover_key(settings: Settings, way: Slot | Sequence[Share]) -> None:
    """Open the store in another *way*, by its recovery code or shares, and let what the settings name open it again.

    A new key file is made, or the passphrase or key service gets a new slot.

    Raises:
        NotInitialised: there is no store.
        AlreadyRunning: a daemon serves it.
        Conflict: a key file is there already; it would have to be moved away first.
        WrongKey: the code or a share is mistyped or belongs to another store.
    """
    if not is_initialised(settings):
        raise _no_store(settings)
    if isinstance(slot_of(settings), KeyFileSlot) and settings.key_file.exists():
        raise Conflict(
            N_("{path} exists already."), fix=N_("If it does not fit, move it away first."), path=str(settings.key_file)
        )
    lock = HomeLock(settings.home)
    try:
        keyring = Keyring.open(settings.home / _KEYRING, way)
        keyring.put_slot(slot_of(settings))
        keyring.close()
    finally:
        lock.release()


def _no_store(settings: Settings) -> NotInitialised:
    return NotInitialised(
        N_("{home} holds no store."), fix=N_("Put the data directory back first."), home=str(settings.home)
    )


def open_keyring(settings: Settings) -> Keyring:
    """Open the keyring of the store as the settings say.

    Raises:
        WrongKey: the key file or passphrase does not fit.
    """
    return Keyring.open(settings.home / _KEYRING, slot_of(settings))


def peppers_of(keyring: Keyring) -> dict[int, bytes]:
    """Return what passwords are hashed with, and were before, by version, newest first."""
    return {version: key.secret for version, key in keyring.service_keys(SERVICE_KEYS["passwords"]).items()}


def device_key_of(keyring: Keyring) -> bytes:
    """Return what devices are recognised by; it changes with the key that passwords are hashed with."""
    pepper = keyring.service_key(SERVICE_KEYS["passwords"]).secret
    return hmac.digest(pepper, b"cloudconnect device marks v1", "sha256")


def try_keys(settings: Settings) -> None:
    """Return if what the settings name opens the store now.

    Raises:
        KeyServiceAway: the key service does not answer.
        WrongKey: the key does not fit.
    """
    open_keyring(settings).close()


def slot_of(settings: Settings) -> Slot:
    """Return the slot that the settings name.

    Raises:
        Invalid: the passphrase cannot be read.
        BadKeyService: the key service is not set up.
    """
    if settings.keys_kms.kind:
        return KmsSlot(_key_service(settings))
    if settings.keys.passphrase_file:
        return PassphraseSlot(_read_passphrase(Path(settings.keys.passphrase_file)))
    return KeyFileSlot(settings.key_file)


def _key_service(settings: Settings) -> KeyService:
    return open_key_service(settings.keys_kms.kind, asdict(settings.keys_kms), settings.azure)


def make_slot(home: Path, kind: str, file: str) -> Slot:
    """Return a slot of a kind, from a file of the server outside the data directory *home*.

    Raises:
        BadSlot: there is no such kind, or the path is not absolute.
        Invalid: the passphrase cannot be read.
    """
    path = Path(file)
    if not path.is_absolute() or "\0" in file:
        raise BadSlot(N_("“{file}” is not an absolute path."), fix=N_("Name a file of the server."), file=file)
    if path.resolve().is_relative_to(home):
        raise BadSlot(
            N_("The key file must not lie inside the data directory: a backup of one would hold both."),
            fix=N_("Name a place elsewhere."),
        )
    if kind == "passphrase":
        return PassphraseSlot(_read_passphrase(path))
    if kind == "key-file":
        return KeyFileSlot(path)
    raise BadSlot(N_("There is no way “{kind}”."), fix=N_("Choose key-file or passphrase."), kind=kind)


def _read_passphrase(path: Path) -> str:
    try:
        passphrase = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            N_("{path} cannot be read."), fix=N_("Check the setting keys.passphrase_file."), path=str(path)
        ) from error
    if not passphrase:
        raise Invalid(
            N_("{path} holds no passphrase."), fix=N_("Check the setting keys.passphrase_file."), path=str(path)
        )
    return passphrase
