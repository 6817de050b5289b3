"""Slots: the ways to open a keyring. Each turns what a person or the machine holds into the key of one box."""

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from argon2.low_level import Type, hash_secret_raw

from cloudconnect.kernel.text import N_
from cloudconnect.storage import letters
from cloudconnect.storage.disk import make_directory, write_file
from cloudconnect.storage.errors import BadKeyFile, WrongKey
from cloudconnect.storage.seal import KEY_BYTES, Key, ctx, new_key

_SALT_BYTES: Final = 16
_RECOVERY_PREFIX: Final = "CCR1"
_RECOVERY_BYTES: Final = 20  # 160 bits: 32 letters
_RECOVERY_LETTERS: Final = 32
_CHECK_LETTERS: Final = 4
RECOVERY: Final = "recovery"
"""The kind of the slot that a recovery code opens."""


class Slot(Protocol):
    """One way to open a keyring."""

    @property
    def kind(self) -> str:
        """The name of the kind of slot; a keyring may have several of one kind."""
        ...

    def new_parameters(self) -> str:
        """Return what the keyring keeps, in the open, to find the key again."""
        ...

    def key(self, parameters: str) -> Key:
        """Return the key that opens the slot's box.

        Raises:
            WrongKey: what is held cannot be the key.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeyFileSlot:
    """A file of 32 random bytes outside the data directory."""

    path: Path
    kind: str = "key-file"

    def new_parameters(self) -> str:
        """Return nothing, and make the file if it is not there yet."""
        try:
            if not self.path.exists():
                make_directory(self.path.parent)
                write_file(self.path, new_key().secret)
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error
        return ""

    def key(self, parameters: str) -> Key:  # noqa: ARG002 - a key file needs none
        """Return the key in the file."""
        try:
            secret = self.path.read_bytes()
        except FileNotFoundError:
            raise WrongKey(
                N_("The key file {path} is missing."),
                fix=N_("Put the key file back, or use the recovery code."),
                path=str(self.path),
            ) from None
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error
        if len(secret) != KEY_BYTES:
            raise WrongKey(
                N_("The key file {path} does not hold {key_bytes} bytes."),
                fix=N_("Put the right key file back, or use the recovery code."),
                path=str(self.path),
                key_bytes=KEY_BYTES,
            )
        return Key(secret)

    def _unusable(self, error: Exception) -> BadKeyFile:
        return BadKeyFile(
            N_("The key file {path} cannot be used: {reason}."),
            fix=N_("Name a file in a directory that the server may write to."),
            path=str(self.path),
            reason=getattr(error, "strerror", None) or str(error),
        )


@dataclass(frozen=True, slots=True)
class PassphraseSlot:
    """A passphrase, stretched by Argon2id (RFC 9106); the defaults take about 650 ms and 256 MiB."""

    passphrase: str
    memory_kib: int = 262_144
    passes: int = 3
    lanes: int = 4
    kind: str = "passphrase"

    def __repr__(self) -> str:
        return "PassphraseSlot(…)"

    def new_parameters(self) -> str:
        """Return fresh salt with the costs."""
        return f"{self.memory_kib}:{self.passes}:{self.lanes}:{secrets.token_hex(_SALT_BYTES)}"

    def key(self, parameters: str) -> Key:
        """Return the passphrase stretched with the costs that the slot was made with."""
        memory_kib, passes, lanes, salt = parameters.split(":")
        phrase = unicodedata.normalize("NFKC", self.passphrase).encode()
        stretched = hash_secret_raw(
            phrase, bytes.fromhex(salt), int(passes), int(memory_kib), int(lanes), KEY_BYTES, Type.ID
        )
        return Key(stretched)


@dataclass(frozen=True, slots=True)
class RecoverySlot:
    """A code of 160 random bits to print: ``CCR1-`` and nine groups of Crockford base 32, the last a check.

    Letters that look like digits are read as them; case, spaces and hyphens do not matter.
    """

    code: str
    kind: str = RECOVERY

    def __repr__(self) -> str:
        return "RecoverySlot(…)"

    def new_parameters(self) -> str:
        """Return nothing: the code says everything."""
        return ""

    def key(self, parameters: str) -> Key:  # noqa: ARG002 - a recovery code needs none
        """Return the key that the code stands for."""
        typed = letters.read(self.code, _RECOVERY_PREFIX)
        body, check = typed[:_RECOVERY_LETTERS], typed[_RECOVERY_LETTERS:]
        try:
            secret = letters.decode(body, _RECOVERY_BYTES)
        except ValueError:
            raise _misread() from None
        if _check(secret) != check:
            raise _misread()
        return Key(hashlib.sha256(ctx("recovery-code", secret)).digest())


def new_recovery_code() -> str:
    """Return a fresh recovery code."""
    secret = secrets.token_bytes(_RECOVERY_BYTES)
    return "-".join([_RECOVERY_PREFIX, *letters.group(letters.encode(secret) + _check(secret))])


def _check(secret: bytes) -> str:
    digest = hashlib.sha256(ctx("recovery-check", secret)).digest()
    return letters.lowest(int.from_bytes(digest[:4], "big"), _CHECK_LETTERS)


def _misread() -> WrongKey:
    return WrongKey(
        N_("This is not a recovery code: a letter is wrong or missing."), fix=N_("Compare it with the printed one.")
    )
