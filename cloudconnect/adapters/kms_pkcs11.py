"""Hardware security modules, smart cards and what else comes with a PKCS#11 module."""

import secrets
import threading
from collections.abc import Callable
from typing import Any, Final

from cloudconnect.adapters.key_service_calls import Patience, away, refuses
from cloudconnect.adapters.key_service_setup import BadKeyService, missing_extra, secret_file
from cloudconnect.kernel.text import N_

NAME: Final = "pkcs11"

_CONTEXT: Final = b"cloudconnect:keyring-slot"
_NONCE_BYTES: Final = 12
_KEY_BITS: Final = 256
_AWAY: Final = (
    "DeviceError",
    "DeviceMemory",
    "DeviceRemoved",
    "FunctionCancelled",
    "FunctionFailed",
    "GeneralError",
    "HostMemory",
    "NoSuchToken",
    "SessionClosed",
    "SessionCount",
    "SessionHandleInvalid",
    "TokenNotPresent",
    "UserAlreadyLoggedIn",
)


class Pkcs11Token:
    """An AES-256 key on a token (``storage.key_service.KeyService``), found by its label; it cannot be taken out.

    What it wraps is a nonce of 12 random bytes, then AES-GCM with a fixed text beside it. The PIN is read from its file
    for every call. A wrong one is never tried twice, for tokens lock themselves after a few.

    Source: PKCS #11 Cryptographic Token Interface 2.40, CKM_AES_GCM.
    """

    def __init__(
        self, key_name: str, *, module: str, token: str, pin_file: str, patience: Patience | None = None
    ) -> None:
        try:
            import pkcs11  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise missing_extra(NAME, "pkcs11") from None
        self._pkcs11 = pkcs11
        self._away = tuple(getattr(pkcs11, name) for name in _AWAY)
        self._key_name = key_name
        self._module = module
        self._token = token
        self._pin_file = pin_file
        self._patience = patience or Patience()
        # A token knows one login for the whole process; who hangs in the driver keeps the others out, and they give up.
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """``pkcs11``."""
        return NAME

    @property
    def key_name(self) -> str:
        """The label of the key."""
        return self._key_name

    def wrap(self, secret: bytes) -> bytes:
        """Return *secret* encrypted on the token."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._patience.call(NAME, lambda: self._with_key(lambda key: self._encrypt(key, nonce, secret)))

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret, decrypted on the token."""
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        return self._patience.call(NAME, lambda: self._with_key(lambda key: self._decrypt(key, nonce, sealed)))

    def _encrypt(self, key: Any, nonce: bytes, secret: bytes) -> bytes:
        return bytes(key.encrypt(secret, **self._mechanism(nonce)))

    def _decrypt(self, key: Any, nonce: bytes, sealed: bytes) -> bytes:
        try:
            return bytes(key.decrypt(sealed, **self._mechanism(nonce)))
        except self._pkcs11.GeneralError:
            # SoftHSM says so of bytes that were changed.
            raise refuses(NAME, self._key_name, "GeneralError") from None

    def _mechanism(self, nonce: bytes) -> dict[str, Any]:
        parameters = self._pkcs11.GCMParams(nonce, aad=_CONTEXT, tag_bits=128)
        return {"mechanism": self._pkcs11.Mechanism.AES_GCM, "mechanism_param": parameters}

    def _with_key(self, use: Callable[[Any], bytes]) -> bytes:
        pin = secret_file(self._pin_file).rstrip("\r\n")
        with self._lock:
            try:
                token = self._library().get_token(token_label=self._token)
                with token.open(user_pin=pin) as session:
                    return use(self._key(session))
            except self._away as error:
                raise away(NAME, type(error).__name__) from None
            except self._pkcs11.PKCS11Error as error:
                raise refuses(NAME, self._key_name, type(error).__name__) from None

    def _library(self) -> Any:
        try:
            return self._pkcs11.lib(self._module)
        except self._pkcs11.PKCS11Error as error:
            if type(error) is not self._pkcs11.PKCS11Error:
                raise
            # The library says so of a file that it cannot load, and only of that.
            raise BadKeyService(
                N_("The PKCS#11 module {module} cannot be loaded."),
                fix=N_("Set keys.kms.module to the file that the maker of the device names."),
                module=self._module,
            ) from None

    def _key(self, session: Any) -> Any:
        pkcs11 = self._pkcs11
        key: Any = session.get_key(
            object_class=pkcs11.ObjectClass.SECRET_KEY, key_type=pkcs11.KeyType.AES, label=self._key_name
        )
        if key[pkcs11.Attribute.EXTRACTABLE] or key.key_length != _KEY_BITS:
            # A key that can be taken out of the token is a key file with more steps.
            raise refuses(NAME, self._key_name, "not an AES-256 key that stays in the token")
        return key
